//! Jobs that wait for a thread of a lane: first in, first out, with limits.
//!
//! Each limit is a semaphore whose waiters are jobs. Were they tasks, a thread that has finished would sleep until the
//! next task has been woken and has sent its job: 15 µs of processor time for each job under load.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::lanes::PoolOptions;
use switchboard_core::ids::OrgId;

/// How long an organization counts as one of several that are active.
const ACTIVE: Duration = Duration::from_secs(1);

/// Whether a job may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum JobKind {
    Read,
    Write,
}

/// Work for a thread.
pub(super) struct Job {
    /// The organization it is done for, if any.
    pub(super) org: Option<OrgId>,
    pub(super) kind: JobKind,
    /// When its caller gives up. It does not start later.
    pub(super) expires_at: Instant,
    pub(super) work: Box<dyn FnOnce() + Send>,
}

/// The permits of a job that runs.
pub(super) struct Permits([Option<Limit>; 3]);

/// The maximum numbers of jobs that run at a time.
struct Limits {
    /// Of all organizations.
    size: u32,
    /// That write, of all organizations.
    writes: u32,
    /// Of one organization and kind.
    /// Its jobs may be slow, so a quarter is left to the others, but at least one connection if there are two.
    org_kind: u32,
    /// The same while other organizations are active.
    /// A quarter of the connections is half of the database's cores: with more, the others would wait for a core.
    org_kind_of_many: u32,
    /// Of one organization. One more, so that a read is served even when all its writes wait.
    org: u32,
}

/// Which organizations had jobs lately.
#[derive(Default)]
struct Activity {
    /// The organization of the last job.
    last: Option<(OrgId, Instant)>,
    /// When another one had its last job.
    other: Option<Instant>,
}

/// A semaphore of [`Limits`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Limit {
    Writes,
    Org(Option<OrgId>),
    OrgKind(Option<OrgId>, JobKind),
}

#[derive(Default)]
struct Semaphore {
    held: u32,
    waiting: VecDeque<Job>,
}

/// The jobs of a lane.
pub(super) struct Queue {
    /// Jobs with all permits. An organization has no more of them than its limit, whatever it has submitted.
    ready: VecDeque<Job>,
    /// Those of which permits are held.
    semaphores: HashMap<Limit, Semaphore>,
    limits: Limits,
    activity: Activity,
}

impl Job {
    /// The permits it needs, in the order in which it acquires them.
    fn limits(&self) -> [Option<Limit>; 3] {
        let writes = (self.kind == JobKind::Write).then_some(Limit::Writes);
        [Some(Limit::OrgKind(self.org, self.kind)), Some(Limit::Org(self.org)), writes]
    }

    fn is_expired(&self) -> bool {
        self.expires_at <= Instant::now()
    }
}

impl Limits {
    fn new(options: &PoolOptions) -> Self {
        let PoolOptions { size, reserved_for_reads, .. } = *options;
        let org_kind = (size - (size / 4).max(1)).max(1);
        Self {
            size,
            writes: size.saturating_sub(reserved_for_reads),
            org_kind,
            org_kind_of_many: (size / 4).max(1),
            org: size.min(org_kind + reserved_for_reads.min(1)),
        }
    }

    const fn of(&self, limit: Limit, are_many_active: bool) -> u32 {
        match limit {
            Limit::Writes => self.writes,
            Limit::Org(None) | Limit::OrgKind(None, _) => self.size,
            Limit::Org(Some(_)) => self.org,
            Limit::OrgKind(Some(_), _) if are_many_active => self.org_kind_of_many,
            Limit::OrgKind(Some(_), _) => self.org_kind,
        }
    }
}

impl Activity {
    fn note(&mut self, org: OrgId, now: Instant) {
        self.other = self.last.filter(|(last, _)| *last != org).map(|(_, at)| at).or(self.other);
        self.last = Some((org, now));
    }

    fn are_many_active(&self, now: Instant) -> bool {
        self.other.is_some_and(|at| now.duration_since(at) < ACTIVE)
    }
}

impl Queue {
    pub(super) fn new(options: &PoolOptions) -> Self {
        Self {
            ready: VecDeque::new(),
            semaphores: HashMap::new(),
            limits: Limits::new(options),
            activity: Activity::default(),
        }
    }

    /// Number of jobs that may start as soon as threads are free.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Adds a job.
    pub(super) fn push(&mut self, job: Job) {
        if let Some(org) = job.org {
            self.activity.note(org, Instant::now());
        }
        self.acquire(job, 0);
    }

    /// Takes the next job. The caller must call [`Self::finish`] when it has run.
    pub(super) fn start(&mut self) -> Option<(Job, Permits)> {
        loop {
            let job = self.ready.pop_front()?;
            let permits = Permits(job.limits());
            if !job.is_expired() {
                return Some((job, permits));
            }
            self.finish(&permits);
        }
    }

    /// Releases the permits of a job that has run.
    pub(super) fn finish(&mut self, permits: &Permits) {
        self.release(&permits.0);
    }

    /// Returns each permit, and hands those that are free to the jobs that wait for them.
    fn release(&mut self, limits: &[Option<Limit>]) {
        let are_many_active = self.activity.are_many_active(Instant::now());
        for (index, limit) in limits.iter().enumerate().rev() {
            let Some(limit) = *limit else { continue };
            let most = self.limits.of(limit, are_many_active);
            let Entry::Occupied(mut semaphore) = self.semaphores.entry(limit) else { continue };
            let Semaphore { held, waiting } = semaphore.get_mut();
            *held -= 1;
            let next: Vec<Job> =
                waiting.drain(..waiting.len().min(most.saturating_sub(*held) as usize)).collect();
            *held += next.len() as u32;
            if *held == 0 {
                semaphore.remove();
            }
            next.into_iter().for_each(|job| self.acquire(job, index + 1));
        }
    }

    /// Acquires the job's permits from that one on. It waits in the first semaphore that has none left.
    fn acquire(&mut self, job: Job, from: usize) {
        let are_many_active = self.activity.are_many_active(Instant::now());
        for (index, limit) in job.limits().into_iter().enumerate().skip(from) {
            let Some(limit) = limit else { continue };
            let semaphore = self.semaphores.entry(limit).or_default();
            if semaphore.held >= self.limits.of(limit, are_many_active) {
                semaphore.waiting.push_back(job);
                return self.drop_expired(limit, index);
            }
            semaphore.held += 1;
        }
        self.ready.push_back(job);
    }

    /// Drops expired jobs.
    /// They would accumulate while the database hangs and no thread returns.
    fn drop_expired(&mut self, limit: Limit, index: usize) {
        while let Some(semaphore) = self.semaphores.get_mut(&limit)
            && let Some(job) = semaphore.waiting.pop_front_if(|job| job.is_expired())
        {
            self.release(&job.limits()[..index]);
        }
    }
}

#[cfg(test)]
mod tests;
