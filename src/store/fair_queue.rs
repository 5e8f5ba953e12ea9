//! A queue that is fair among organizations: round robin, a limit of running jobs for each, admission by wait time.
//!
//! Jobs of one organization start in the order they were pushed. A job that would not start in time is rejected on
//! arrival: rejecting it later would cost more and help nobody.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ids::OrgId;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// A queue for each organization that has jobs, and one without a limit for jobs of no organization.
pub(super) struct FairQueue {
    queues: HashMap<Option<OrgId>, OrgQueue>,
    /// The organizations with a job that may start, each once; the first is served next.
    round: VecDeque<Option<OrgId>>,
    /// Number of jobs that may start.
    ready: usize,
    /// Maximum number of running jobs of one organization.
    org_limit: u32,
    /// Longest time a job may wait before it starts.
    max_wait: Duration,
}

#[derive(Default)]
struct OrgQueue {
    /// Each job with the time it was pushed.
    waiting: VecDeque<(Instant, Job)>,
    running: u32,
    /// `None` until a job waits.
    throughput: Option<Throughput>,
}

/// How fast a queue moves while it is not empty.
struct Throughput {
    since: Instant,
    /// Jobs that started since then and whose caller was still waiting.
    started: u32,
}

impl FairQueue {
    pub(super) fn new(org_limit: u32, max_wait: Duration) -> Self {
        Self { queues: HashMap::new(), round: VecDeque::new(), ready: 0, org_limit, max_wait }
    }

    /// Number of jobs that may start as soon as threads are free.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Adds a job. Returns the jobs that will not run: expired ones of the same organization (while the database
    /// hangs and no thread returns, they would accumulate), and this one if it would not start in time.
    pub(super) fn push(&mut self, org: Option<OrgId>, job: Job) -> Vec<Job> {
        let (now, max_wait) = (Instant::now(), self.max_wait);
        self.update(org, |queue| {
            let is_fresh = |(since, _): &(Instant, Job)| now.duration_since(*since) <= max_wait;
            let expired = queue.waiting.iter().position(is_fresh).unwrap_or(queue.waiting.len());
            let mut dropped: Vec<_> = queue.waiting.drain(..expired).map(|(_, job)| job).collect();
            let is_admitted = match &mut queue.throughput {
                Some(throughput) if !queue.waiting.is_empty() => {
                    throughput.decay(now, max_wait);
                    throughput.starts_in_time(queue.waiting.len(), now, max_wait)
                }
                throughput => {
                    *throughput = Some(Throughput { since: now, started: 0 });
                    true
                }
            };
            if is_admitted {
                queue.waiting.push_back((now, job));
            } else {
                dropped.push(job);
            }
            dropped
        })
    }

    /// Takes the next job and its organization. The caller must call [`Self::finish`] when the job has run.
    pub(super) fn start(&mut self) -> Option<(Option<OrgId>, Job)> {
        let org = *self.round.front()?;
        // All other organizations come before it the next time.
        self.round.rotate_left(1);
        let max_wait = self.max_wait;
        self.update(org, |queue| {
            queue.running += 1;
            let (since, job) = queue.waiting.pop_front()?;
            // An expired job returns at once and says nothing about how long the next ones take.
            if since.elapsed() <= max_wait
                && let Some(throughput) = &mut queue.throughput
            {
                throughput.started += 1;
            }
            Some((org, job))
        })
    }

    /// Records that a job of the organization has run.
    pub(super) fn finish(&mut self, org: Option<OrgId>) {
        self.update(org, |queue| queue.running -= 1);
    }

    /// Changes the queue of an organization, and `ready` and `round` accordingly.
    fn update<T>(&mut self, org: Option<OrgId>, change: impl FnOnce(&mut OrgQueue) -> T) -> T {
        let limit = if org.is_some() { self.org_limit } else { u32::MAX };
        let queue = self.queues.entry(org).or_default();
        let before = queue.ready(limit);
        let changed = change(queue);
        let after = queue.ready(limit);
        if queue.waiting.is_empty() && queue.running == 0 {
            self.queues.remove(&org);
        }
        self.ready = self.ready - before + after;
        match (before, after) {
            (0, 1..) => self.round.push_back(org),
            (1.., 0) => self.round.retain(|other| *other != org),
            _ => {}
        }
        changed
    }
}

impl Throughput {
    /// Whether a job behind `waiting` others is expected to start in time. Only known once the queue has moved for
    /// `max_wait`: a burst is not an overload.
    fn starts_in_time(&self, waiting: usize, now: Instant, max_wait: Duration) -> bool {
        let moved_for = now.duration_since(self.since);
        let per_job = moved_for.div_f64(f64::from(self.started + 1));
        moved_for < max_wait || per_job.mul_f64(waiting as f64) <= max_wait
    }

    /// Halves the weight of the past once it covers four times `max_wait`.
    fn decay(&mut self, now: Instant, max_wait: Duration) {
        let moved_for = now.duration_since(self.since);
        if moved_for / 4 > max_wait {
            self.since += moved_for / 2;
            self.started /= 2;
        }
    }
}

impl OrgQueue {
    /// Number of its jobs that may start.
    fn ready(&self, limit: u32) -> usize {
        self.waiting.len().min(limit.saturating_sub(self.running) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: Duration = Duration::MAX;

    fn org(number: u128) -> Option<OrgId> {
        Some(OrgId::from(uuid::Uuid::from_u128(number)))
    }

    /// A queue with a job for each of these organizations, in that order.
    fn queue(org_limit: u32, orgs: &[Option<OrgId>]) -> FairQueue {
        let mut queue = FairQueue::new(org_limit, FOREVER);
        for org in orgs {
            queue.push(*org, Box::new(|| {}));
        }
        queue
    }

    fn start_all(queue: &mut FairQueue) -> Vec<Option<OrgId>> {
        std::iter::from_fn(|| queue.start()).map(|(org, _)| org).collect()
    }

    #[test]
    fn organizations_are_served_round_robin() {
        let [busy, calm, new] = [1, 2, 3].map(org);
        let mut queue = queue(9, &[busy, busy, busy, calm, None, calm, new]);
        assert_eq!(queue.ready(), 7);
        let started = start_all(&mut queue);
        assert_eq!(started, [busy, calm, None, new, busy, calm, busy]);
        for org in started {
            queue.finish(org);
        }
        assert!(queue.queues.is_empty() && queue.round.is_empty(), "nothing is kept for idle organizations");
    }

    #[test]
    fn no_organization_exceeds_its_limit_of_running_jobs() {
        let [busy, calm] = [1, 2].map(org);
        let mut queue = queue(2, &[busy, busy, busy, busy, None, None, None]);
        assert_eq!(start_all(&mut queue), [busy, None, busy, None, None]);
        assert_eq!(queue.ready(), 0);
        queue.push(busy, Box::new(|| {}));
        assert_eq!(queue.ready(), 0, "it waits for its own");
        queue.push(calm, Box::new(|| {}));
        assert_eq!(start_all(&mut queue), [calm]);
        queue.finish(busy);
        assert_eq!(start_all(&mut queue), [busy]);
        queue.finish(calm);
        assert_eq!(start_all(&mut queue), [], "that was not its own");
    }

    #[test]
    fn expired_jobs_are_not_ready() {
        let mut queue = queue(9, &[None, None]);
        queue.max_wait = Duration::ZERO;
        assert_eq!(queue.push(None, Box::new(|| {})).len(), 2);
        assert_eq!(queue.ready(), 1);
        assert_eq!(start_all(&mut queue), [None]);
    }

    /// Whether a queue that moved for that long, started so many jobs and has so many waiting admits another.
    fn admits(moved_for: Duration, started: u32, waiting: usize) -> bool {
        let mut queue = queue(9, &[None].repeat(waiting));
        queue.max_wait = WAIT;
        let org_queue = queue.queues.entry(None).or_default();
        org_queue.throughput = Some(Throughput { since: Instant::now() - moved_for, started });
        queue.push(None, Box::new(|| {})).is_empty()
    }

    const WAIT: Duration = Duration::from_secs(1);

    #[test]
    fn job_that_would_not_start_in_time_is_rejected_at_once() {
        for moved_for in [WAIT, 10 * WAIT] {
            let started = 100 * moved_for.div_duration_f64(WAIT) as u32;
            assert!(admits(moved_for, started, 90), "100 start within the maximum wait");
            assert!(!admits(moved_for, started, 110));
        }
        assert!(!admits(WAIT, 0, 1), "nothing moves at all");
    }

    #[test]
    fn burst_is_admitted() {
        assert!(admits(WAIT / 2, 0, 10_000));
        assert!(
            admits(WAIT, 0, 0) && admits(10 * WAIT, 0, 0),
            "an empty queue always admits, to find out whether it moves again"
        );
    }
}
