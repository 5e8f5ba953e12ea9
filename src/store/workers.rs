//! Worker threads that run jobs from the fair queue, one for each database connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::fair_queue::{FairQueue, JobKind, Limits, Slot, Started};
use crate::ids::OrgId;

/// How long an idle thread lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The worker threads and their queue, shared by its clones.
///
/// A thread that has finished takes the next job itself instead of sleeping while another is woken: under load that
/// saves two context switches per job, which cost more than everything else done for a row. The threads are not
/// tokio's blocking threads, because tokio wakes those while it holds the lock they need: twice the system calls.
#[derive(Clone)]
pub(super) struct Workers(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    job_ready: Condvar,
}

struct State {
    queue: FairQueue,
    threads: u32,
    /// Threads that sleep, or were woken and have not taken a job yet.
    idle: usize,
    max_threads: u32,
}

impl Workers {
    /// Workers for `max_threads` jobs at a time, of which `max_writes` may write. Jobs that wait, or would wait, longer than
    /// `max_wait` are dropped.
    pub(super) fn new(max_threads: u32, max_writes: u32, max_wait: Duration) -> Self {
        let queue = FairQueue::new(Limits { org: org_limit(max_threads), writes: max_writes }, max_wait);
        let state = State { queue, threads: 0, idle: 0, max_threads };
        Self(Arc::new(Shared { state: Mutex::new(state), job_ready: Condvar::new() }))
    }

    /// Runs the organization's job when a thread is free, or drops it.
    pub(super) fn submit(&self, org: Option<OrgId>, kind: JobKind, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let dropped = state.queue.push(org, kind, Box::new(job));
        let ready = state.queue.ready();
        let may_wake = ready > 0 && ready <= state.idle;
        let may_grow = ready > state.idle && state.threads < state.max_threads;
        if may_grow {
            state.threads += 1;
        }
        // The woken thread needs the lock at once.
        drop(state);
        drop(dropped);
        if may_wake {
            self.0.job_ready.notify_one();
        } else if may_grow {
            self.spawn();
        }
    }

    fn spawn(&self) {
        let workers = self.clone();
        let spawned = thread::Builder::new().name("database".to_owned()).spawn(move || workers.run());
        if let Err(error) = spawned {
            // The job stays queued for the other threads; without any, its caller times out.
            tracing::error!(%error, "could not start a database thread");
            self.lock().threads -= 1;
        }
    }

    /// Runs jobs until none arrives within [`KEEP_ALIVE`].
    fn run(&self) {
        let mut finished = None;
        while let Some(Started { job, slot }) = self.next(finished) {
            // A panicking job drops its reply channel, which its caller notices. The thread continues.
            let _ = catch_unwind(AssertUnwindSafe(job));
            finished = Some(slot);
        }
    }

    /// Waits for the next job. `finished` is what the job that this thread ran occupied.
    fn next(&self, finished: Option<Slot>) -> Option<Started> {
        let mut state = self.lock();
        if let Some(slot) = finished {
            state.queue.finish(slot);
        }
        loop {
            if let Some(started) = state.queue.start() {
                return Some(started);
            }
            state.idle += 1;
            let waited = self.0.job_ready.wait_timeout(state, KEEP_ALIVE);
            let (locked, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.ready() == 0 {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads that one organization may use: its jobs may be slow, so a quarter is left to the others.
const fn org_limit(threads: u32) -> u32 {
    threads - threads / 4
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    const FOREVER: Duration = Duration::MAX;

    /// Occupies a thread for that organization until the returned sender is dropped.
    fn occupy(workers: &Workers, org: Option<OrgId>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel();
        let (started, has_started) = mpsc::channel();
        workers.submit(org, JobKind::Read, move || {
            let _ = started.send(());
            let _ = released.recv();
        });
        has_started.recv().expect("the job has started");
        release
    }

    #[test]
    fn submit_drops_jobs_that_waited_too_long() {
        let workers = Workers::new(1, 1, Duration::ZERO);
        let release = occupy(&workers, None);
        let (reply, replied) = mpsc::channel::<()>();
        workers.submit(None, JobKind::Read, move || drop(reply));
        workers.submit(None, JobKind::Read, || {});
        assert!(replied.recv().is_err(), "the caller of the dropped job notices");
        assert_eq!(workers.lock().queue.ready(), 1);
        drop(release);
    }

    #[test]
    fn jobs_run_in_order_and_a_panic_stops_none() {
        let workers = Workers::new(1, 1, FOREVER);
        let (done, order) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            workers.submit(None, JobKind::Read, move || {
                assert_ne!(number, 1, "one job panics");
                let _ = done.send(number);
            });
        }
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn each_organization_leaves_a_quarter_of_the_threads() {
        let [slow, other] = [1, 2].map(|number| Some(OrgId::from(uuid::Uuid::from_u128(number))));
        let workers = Workers::new(4, 4, FOREVER);
        let mut occupied: Vec<_> = (0..3).map(|_| occupy(&workers, slow)).collect();
        let (done, order) = mpsc::channel();
        for (org, job) in [(slow, "slow"), (other, "other"), (None, "none")] {
            let done = done.clone();
            workers.submit(org, JobKind::Read, move || {
                let _ = done.send(job);
            });
        }
        assert_eq!([order.recv(), order.recv()], [Ok("other"), Ok("none")]);
        assert_eq!(order.try_recv(), Err(mpsc::TryRecvError::Empty));
        occupied.pop();
        assert_eq!(order.recv(), Ok("slow"), "as soon as one of its own has finished");
    }

    #[test]
    fn as_many_jobs_run_at_a_time_as_there_are_threads() {
        let workers = Workers::new(3, 3, FOREVER);
        // The later rounds find the threads idle.
        for _ in 0..3 {
            let barrier = Arc::new(Barrier::new(4));
            for _ in 0..3 {
                let barrier = barrier.clone();
                workers.submit(None, JobKind::Read, move || {
                    barrier.wait();
                });
            }
            barrier.wait();
        }
        assert_eq!(workers.lock().threads, 3);
    }
}
