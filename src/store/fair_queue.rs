//! A queue that is fair among organizations: round robin, a limit of running jobs for each, admission by wait time.
//!
//! Reads and writes of one organization start in the order they were pushed, except that writes wait while the limit of
//! running writes is reached: reads are served even when every write waits for a synchronous standby. A job that would not
//! start in time is rejected on arrival: rejecting it later would cost more and help nobody.

mod lane;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use self::lane::{Job, Lane};
use crate::ids::OrgId;

/// Whether a job may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobKind {
    Read,
    Write,
}

/// Maximum numbers of running jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of one organization.
    pub(super) org: u32,
    /// That write, of all organizations.
    pub(super) writes: u32,
}

/// A started job. [`FairQueue::finish`] takes it back when it has run.
pub(super) struct Started {
    pub(super) job: Job,
    pub(super) slot: Slot,
}

/// What a running job occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    org: Option<OrgId>,
    kind: JobKind,
}

/// A queue for each organization that has jobs, and one without a limit for jobs of no organization.
pub(super) struct FairQueue {
    queues: HashMap<Option<OrgId>, OrgQueue>,
    /// The organizations with a job that its limit lets start, each once; the first is served next.
    round: VecDeque<Option<OrgId>>,
    /// Number of jobs that the organizations' limits let start.
    ready: usize,
    /// Number of these that may start while writes are at their limit.
    ready_reads: usize,
    running_writes: u32,
    limits: Limits,
    /// Longest time a job may wait before it starts.
    max_wait: Duration,
}

#[derive(Default)]
struct OrgQueue {
    reads: Lane,
    writes: Lane,
    running: u32,
}

impl FairQueue {
    pub(super) fn new(limits: Limits, max_wait: Duration) -> Self {
        Self {
            queues: HashMap::new(),
            round: VecDeque::new(),
            ready: 0,
            ready_reads: 0,
            running_writes: 0,
            limits,
            max_wait,
        }
    }

    /// Number of jobs that may start as soon as threads are free; at least one if it is not 0.
    pub(super) fn ready(&self) -> usize {
        if self.may_write() { self.ready } else { self.ready_reads }
    }

    /// Adds a job. Returns the jobs that will not run: expired ones of the same kind and organization (while the database
    /// hangs and no thread returns, they would accumulate), and this one if it would not start in time.
    pub(super) fn push(&mut self, org: Option<OrgId>, kind: JobKind, job: Job) -> Vec<Job> {
        let max_wait = self.max_wait;
        self.update(org, |queue| queue.lane(kind).push(job, max_wait))
    }

    /// Takes the next job. The caller must call [`Self::finish`] when it has run.
    pub(super) fn start(&mut self) -> Option<Started> {
        let (may_write, max_wait) = (self.may_write(), self.max_wait);
        let may_start =
            |org: &Option<OrgId>| may_write || self.queues.get(org).is_some_and(OrgQueue::has_reads);
        let position = self.round.iter().position(may_start)?;
        let org = self.round.remove(position)?;
        // All other organizations come before it the next time.
        self.round.push_back(org);
        let (kind, job) = self.update(org, |queue| queue.start(may_write, max_wait))?;
        self.running_writes += u32::from(kind == JobKind::Write);
        Some(Started { job, slot: Slot { org, kind } })
    }

    /// Records that a job has run.
    pub(super) fn finish(&mut self, slot: Slot) {
        self.running_writes -= u32::from(slot.kind == JobKind::Write);
        self.update(slot.org, |queue| queue.running -= 1);
    }

    fn may_write(&self) -> bool {
        self.running_writes < self.limits.writes
    }

    /// Changes the queue of an organization, and the counts and `round` accordingly.
    fn update<T>(&mut self, org: Option<OrgId>, change: impl FnOnce(&mut OrgQueue) -> T) -> T {
        let limit = if org.is_some() { self.limits.org } else { u32::MAX };
        let queue = self.queues.entry(org).or_default();
        let (before, reads_before) = queue.ready(limit);
        let changed = change(queue);
        let (after, reads_after) = queue.ready(limit);
        if queue.is_idle() {
            self.queues.remove(&org);
        }
        self.ready = self.ready - before + after;
        self.ready_reads = self.ready_reads - reads_before + reads_after;
        match (before, after) {
            (0, 1..) => self.round.push_back(org),
            (1.., 0) => self.round.retain(|other| *other != org),
            _ => {}
        }
        changed
    }
}

impl OrgQueue {
    fn lane(&mut self, kind: JobKind) -> &mut Lane {
        match kind {
            JobKind::Read => &mut self.reads,
            JobKind::Write => &mut self.writes,
        }
    }

    fn has_reads(&self) -> bool {
        !self.reads.is_empty()
    }

    fn is_idle(&self) -> bool {
        self.reads.is_empty() && self.writes.is_empty() && self.running == 0
    }

    /// Number of its jobs that may start, and the same while no write may.
    fn ready(&self, limit: u32) -> (usize, usize) {
        let free = limit.saturating_sub(self.running) as usize;
        let (reads, writes) = (self.reads.len(), self.writes.len());
        (free.min(reads + writes), free.min(reads))
    }

    /// Takes the job that has waited longest, of those that may start.
    fn start(&mut self, may_write: bool, max_wait: Duration) -> Option<(JobKind, Job)> {
        let kind = match (self.reads.oldest(), self.writes.oldest().filter(|_| may_write)) {
            (None, None) => return None,
            (Some(read), Some(write)) if write < read => JobKind::Write,
            (Some(_), _) => JobKind::Read,
            (None, Some(_)) => JobKind::Write,
        };
        self.running += 1;
        Some((kind, self.lane(kind).start(max_wait)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: Duration = Duration::MAX;

    fn org(number: u128) -> Option<OrgId> {
        Some(OrgId::from(uuid::Uuid::from_u128(number)))
    }

    /// A queue with a read for each of these organizations, in that order.
    fn queue(org_limit: u32, orgs: &[Option<OrgId>]) -> FairQueue {
        let mut queue = FairQueue::new(Limits { org: org_limit, writes: 1 }, FOREVER);
        for org in orgs {
            push(&mut queue, *org, JobKind::Read);
        }
        queue
    }

    fn push(queue: &mut FairQueue, org: Option<OrgId>, kind: JobKind) -> usize {
        queue.push(org, kind, Box::new(|| {})).len()
    }

    fn start_all(queue: &mut FairQueue) -> Vec<Slot> {
        std::iter::from_fn(|| queue.start()).map(|started| started.slot).collect()
    }

    fn orgs_of(slots: &[Slot]) -> Vec<Option<OrgId>> {
        slots.iter().map(|slot| slot.org).collect()
    }

    #[test]
    fn organizations_are_served_round_robin() {
        let [busy, calm, new] = [1, 2, 3].map(org);
        let mut queue = queue(9, &[busy, busy, busy, calm, None, calm, new]);
        assert_eq!(queue.ready(), 7);
        let started = start_all(&mut queue);
        assert_eq!(orgs_of(&started), [busy, calm, None, new, busy, calm, busy]);
        for slot in started {
            queue.finish(slot);
        }
        assert!(queue.queues.is_empty() && queue.round.is_empty(), "nothing is kept for idle organizations");
    }

    #[test]
    fn no_organization_exceeds_its_limit_of_running_jobs() {
        let [busy, calm] = [1, 2].map(org);
        let mut queue = queue(2, &[busy, busy, busy, busy, None, None, None]);
        let started = start_all(&mut queue);
        assert_eq!(orgs_of(&started), [busy, None, busy, None, None]);
        assert_eq!(queue.ready(), 0);
        push(&mut queue, busy, JobKind::Read);
        assert_eq!(queue.ready(), 0, "it waits for its own");
        push(&mut queue, calm, JobKind::Read);
        let others = start_all(&mut queue);
        assert_eq!(orgs_of(&others), [calm]);
        queue.finish(started[0]);
        assert_eq!(orgs_of(&start_all(&mut queue)), [busy]);
        queue.finish(others[0]);
        assert_eq!(start_all(&mut queue), [], "that was not its own");
    }

    #[test]
    fn reads_start_while_writes_are_at_their_limit() {
        let [first, second] = [1, 2].map(org);
        let mut queue = queue(9, &[]);
        for (org, kind) in [
            (first, JobKind::Write),
            (first, JobKind::Write),
            (second, JobKind::Write),
            (first, JobKind::Read),
            (second, JobKind::Read),
        ] {
            push(&mut queue, org, kind);
        }
        let started = start_all(&mut queue);
        let kinds: Vec<_> = started.iter().map(|slot| slot.kind).collect();
        assert_eq!(kinds, [JobKind::Write, JobKind::Read, JobKind::Read]);
        assert_eq!(queue.ready(), 0);
        queue.finish(started[0]);
        assert!(queue.ready() > 0);
        assert_eq!(start_all(&mut queue).len(), 1);
    }

    #[test]
    fn expired_jobs_are_not_ready() {
        let mut queue = queue(9, &[None, None]);
        queue.max_wait = Duration::ZERO;
        assert_eq!(push(&mut queue, None, JobKind::Read), 2);
        assert_eq!(queue.ready(), 1);
        assert_eq!(orgs_of(&start_all(&mut queue)), [None]);
    }
}
