//! Recognizes former primaries: servers that go on accepting writes after another one has taken over.
//!
//! A server that takes over begins a new timeline. What is written to a server on an older one is lost when that is rewound.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable};
use diesel::{Connection as _, QueryableByName};

use super::connection::Connection;

/// The newest timeline that this process has reached.
static NEWEST: RwLock<Option<Timeline>> = RwLock::new(None);

/// How often another server has taken over, as far as this process knows.
static TAKEOVERS: AtomicU64 = AtomicU64::new(0);

/// When a connection to a former primary was last rejected.
static REJECTED_AT: RwLock<Option<Instant>> = RwLock::new(None);

/// How long a rejection says what the service reaches: longer than the pauses between attempts to connect.
const RECENT: Duration = Duration::from_secs(5);

/// A standby writes to no timeline. Every role may call these functions.
const TIMELINE: &str = "SELECT system_identifier, CASE WHEN NOT pg_is_in_recovery() THEN \
     ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END AS timeline FROM pg_control_system()";

/// The history of writes to which a server adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    /// The identifier that `initdb` gave to the server and all its copies.
    system: i64,
    number: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    system_identifier: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    timeline: Option<i64>,
}

/// How often another server has taken over, as far as this process knows.
pub(super) fn takeovers() -> u64 {
    TAKEOVERS.load(Ordering::Relaxed)
}

/// Whether the service reaches a former primary, and not the server that has taken over.
pub(super) fn reaches_former_primary() -> bool {
    let rejected_at = REJECTED_AT.read().unwrap_or_else(PoisonError::into_inner);
    rejected_at.is_some_and(|at| at.elapsed() < RECENT)
}

impl Timeline {
    /// The timeline of a server that accepts writes; `None` for others, and for databases that do not have timelines.
    #[expect(clippy::disallowed_methods, reason = "a statement that runs once a connection")]
    pub(super) fn of(connection: &mut Connection) -> Option<Self> {
        // One transaction, because a pooler may run each statement on another connection.
        let row: QueryResult<Row> =
            connection.transaction(|connection| sql_query(TIMELINE).get_result(connection));
        let Row { system_identifier: system, timeline } = row.ok()?;
        Some(Self { system, number: timeline? })
    }

    /// Remembers it as the newest one, and returns true, unless it is a former one.
    pub(super) fn accept(self) -> bool {
        let mut newest = NEWEST.write().unwrap_or_else(PoisonError::into_inner);
        let is_former = newest.is_some_and(|newest| self.is_before(newest));
        if !is_former {
            if newest.is_some_and(|newest| newest.is_before(self)) {
                TAKEOVERS.fetch_add(1, Ordering::Relaxed);
            }
            *newest = Some(self);
        }
        *REJECTED_AT.write().unwrap_or_else(PoisonError::into_inner) = is_former.then(Instant::now);
        !is_former
    }

    /// Whether another server has taken over, as far as this process knows.
    pub(super) fn is_former(self) -> bool {
        NEWEST.read().unwrap_or_else(PoisonError::into_inner).is_some_and(|newest| self.is_before(newest))
    }

    const fn is_before(self, newest: Self) -> bool {
        self.system == newest.system && self.number < newest.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_of_one_system_are_compared() {
        let timeline = |system, number| Timeline { system, number };
        assert!(timeline(1, 7).accept() && !timeline(1, 6).accept());
        assert!(timeline(1, 6).is_former());
        assert!(!timeline(1, 7).is_former() && !timeline(1, 8).is_former() && !timeline(2, 1).is_former());
        // Another database.
        assert!(timeline(2, 1).accept() && !timeline(1, 6).is_former());
    }
}
