//! The waiting jobs of one kind and organization, and whether another one would start in time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The jobs of one kind.
#[derive(Default)]
pub(super) struct Lane {
    /// Each job with the time it was pushed.
    waiting: VecDeque<(Instant, Job)>,
    /// `None` until a job waits.
    throughput: Option<Throughput>,
}

/// How fast a lane moves while it is not empty.
struct Throughput {
    since: Instant,
    /// Jobs that started since then and whose caller was still waiting.
    started: u32,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the next job was pushed.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since)
    }

    /// Adds a job. Returns the jobs that will not run: expired ones, and this one if it would not start in time.
    pub(super) fn push(&mut self, job: Job, max_wait: Duration) -> Vec<Job> {
        let now = Instant::now();
        let is_fresh = |(since, _): &(Instant, Job)| now.duration_since(*since) <= max_wait;
        let expired = self.waiting.iter().position(is_fresh).unwrap_or(self.waiting.len());
        let mut dropped: Vec<_> = self.waiting.drain(..expired).map(|(_, job)| job).collect();
        let is_admitted = match &mut self.throughput {
            Some(throughput) if !self.waiting.is_empty() => {
                throughput.decay(now, max_wait);
                throughput.starts_in_time(self.waiting.len(), now, max_wait)
            }
            throughput => {
                *throughput = Some(Throughput { since: now, started: 0 });
                true
            }
        };
        if is_admitted {
            self.waiting.push_back((now, job));
        } else {
            dropped.push(job);
        }
        dropped
    }

    /// Takes the next job.
    pub(super) fn start(&mut self, max_wait: Duration) -> Option<Job> {
        let (since, job) = self.waiting.pop_front()?;
        // An expired job returns at once and says nothing about how long the next ones take.
        if since.elapsed() <= max_wait
            && let Some(throughput) = &mut self.throughput
        {
            throughput.started += 1;
        }
        Some(job)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a lane that moved for that long, started so many jobs and has so many waiting admits another.
    fn admits(moved_for: Duration, started: u32, waiting: usize) -> bool {
        let mut lane = Lane::default();
        lane.waiting.extend((0..waiting).map(|_| (Instant::now(), Box::new(|| {}) as Job)));
        lane.throughput = Some(Throughput { since: Instant::now() - moved_for, started });
        lane.push(Box::new(|| {}), WAIT).is_empty()
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
            "an empty lane always admits, to find out whether it moves again"
        );
    }
}
