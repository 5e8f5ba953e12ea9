//! Whether writes succeed: a full disk, and commits that wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::db_error::{DISK_FULL, DbErrorClass, IO_ERROR};

/// How long a commit may take. A longer one waits for a synchronous standby.
const COMMIT_LIMIT: Duration = Duration::from_secs(2);

/// Why writes fail, although the database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteProblem {
    /// The disk of the database is full.
    DiskFull,
    /// The database cannot read or write its files.
    IoError,
    /// Commits wait for a synchronous standby.
    UnconfirmedCommits,
}

impl WriteProblem {
    /// The problem, for the operator.
    pub const fn text(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk of the database is full",
            Self::IoError => "the database cannot read or write its files",
            Self::UnconfirmedCommits => "commits wait for a synchronous standby",
        }
    }
}

/// The status of the writes of stores on one database, shared by its clones.
#[derive(Clone, Default)]
pub(super) struct WriteStatus(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What a write failed with. A small write may still succeed, so that only a test write clears it.
    failure: Option<WriteProblem>,
    /// The oldest commit since one has succeeded.
    commits_since: Option<Instant>,
}

impl WriteStatus {
    /// Runs a commit and records how long it takes.
    pub(super) fn commit<T>(&self, commit: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.lock().commits_since.get_or_insert(started);
        let outcome = commit();
        self.lock().commits_since = None;
        outcome
    }

    /// Records why a write failed, if other writes would fail as well.
    pub(super) fn failed(&self, class: DbErrorClass) {
        let problem = match class {
            DbErrorClass::Unavailable(DISK_FULL) => WriteProblem::DiskFull,
            DbErrorClass::Unavailable(IO_ERROR) => WriteProblem::IoError,
            DbErrorClass::Unavailable(_)
            | DbErrorClass::Retryable(_)
            | DbErrorClass::ServerLost
            | DbErrorClass::StatementTimeout
            | DbErrorClass::InvalidData
            | DbErrorClass::Internal => return,
        };
        self.lock().failure = Some(problem);
    }

    /// Records that a test write succeeded.
    pub(super) fn succeeded(&self) {
        self.lock().failure = None;
    }

    /// Why writes fail; `None` while they succeed.
    pub(super) fn problem(&self) -> Option<WriteProblem> {
        let state = self.lock();
        let is_waiting = state.commits_since.is_some_and(|since| since.elapsed() > COMMIT_LIMIT);
        if is_waiting { Some(WriteProblem::UnconfirmedCommits) } else { state.failure }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_write_clears_a_full_disk() {
        let status = WriteStatus::default();
        status.failed(DbErrorClass::Unavailable("53200"));
        assert_eq!(status.problem(), None);
        status.failed(DbErrorClass::Unavailable(DISK_FULL));
        status.commit(|| ());
        assert_eq!(status.problem(), Some(WriteProblem::DiskFull));
        status.succeeded();
        assert_eq!(status.problem(), None);
    }

    #[test]
    fn commit_that_takes_long_is_a_problem() {
        let status = WriteStatus::default();
        status.lock().commits_since = Instant::now().checked_sub(2 * COMMIT_LIMIT);
        assert_eq!(status.problem(), Some(WriteProblem::UnconfirmedCommits));
        status.commit(|| ());
        assert_eq!(status.problem(), None);
    }
}
