//! Worker threads that run the jobs of a lane, one for each of its connections.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::lanes::PoolOptions;
use super::queue::{Job, Permits, Queue};

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
    thread_name: &'static str,
    max_threads: u32,
}

struct State {
    queue: Queue,
    threads: u32,
    /// Threads that sleep, or were woken and have not taken a job yet.
    idle: usize,
}

impl Workers {
    /// Workers without threads yet.
    /// Each job starts one while none is idle and there are fewer than connections.
    pub(super) fn new(thread_name: &'static str, options: &PoolOptions) -> Self {
        let state = State { queue: Queue::new(options), threads: 0, idle: 0 };
        let (state, job_ready) = (Mutex::new(state), Condvar::new());
        Self(Arc::new(Shared { state, job_ready, thread_name, max_threads: options.size }))
    }

    /// Runs the job when its turn comes, or drops it when it has expired.
    pub(super) fn submit(&self, job: Job) {
        let mut state = self.lock();
        state.queue.push(job);
        let ready = state.queue.ready();
        let may_wake = ready > 0 && ready <= state.idle;
        let may_grow = ready > state.idle && state.threads < self.0.max_threads;
        if may_grow {
            state.threads += 1;
        }
        // The woken thread needs the lock at once.
        drop(state);
        if may_wake {
            self.0.job_ready.notify_one();
        } else if may_grow {
            self.spawn();
        }
    }

    fn spawn(&self) {
        let workers = self.clone();
        let thread = thread::Builder::new().name(self.0.thread_name.to_owned());
        if let Err(error) = thread.spawn(move || workers.run()) {
            // The job stays queued for the other threads; without any, its caller times out.
            tracing::error!(%error, "could not start a database thread");
            self.lock().threads -= 1;
        }
    }

    /// Runs jobs until none arrives within [`KEEP_ALIVE`].
    fn run(&self) {
        let mut finished = None;
        while let Some((job, permits)) = self.next(finished) {
            // A panicking job drops its reply channel, which its caller notices. The thread continues.
            let _ = catch_unwind(AssertUnwindSafe(job.work));
            finished = Some(permits);
        }
    }

    /// Waits for the next job. `finished` are the permits of the job that this thread ran.
    fn next(&self, finished: Option<Permits>) -> Option<(Job, Permits)> {
        let mut state = self.lock();
        if let Some(permits) = finished {
            state.queue.finish(&permits);
        }
        loop {
            if let Some(started) = state.queue.start() {
                // Several jobs may have waited for the permits of one.
                if state.queue.ready() > 0 && state.idle > 0 {
                    self.0.job_ready.notify_one();
                }
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

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};
    use std::time::Instant;

    use super::*;
    use crate::queue::JobKind;

    fn workers(size: u32) -> Workers {
        Workers::new("test", &PoolOptions::background(size))
    }

    fn submit(workers: &Workers, work: impl FnOnce() + Send + 'static) {
        let expires_at = Instant::now() + Duration::from_secs(60);
        workers.submit(Job { org: None, kind: JobKind::Read, expires_at, work: Box::new(work) });
    }

    #[test]
    fn expired_job_is_dropped_and_its_caller_notices() {
        let (reply, replied) = mpsc::channel::<()>();
        let work = Box::new(move || reply.send(()).expect("a receiver"));
        workers(1).submit(Job { org: None, kind: JobKind::Read, expires_at: Instant::now(), work });
        assert!(replied.recv().is_err());
    }

    #[test]
    fn jobs_run_in_order_and_a_panic_stops_none() {
        let workers = workers(1);
        let (done, order) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            submit(&workers, move || {
                assert_ne!(number, 1, "one job panics");
                let _ = done.send(number);
            });
        }
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn as_many_jobs_run_at_a_time_as_there_are_threads() {
        let workers = workers(3);
        // The later rounds find the threads idle.
        for _ in 0..3 {
            let barrier = Arc::new(Barrier::new(4));
            for _ in 0..3 {
                let barrier = barrier.clone();
                submit(&workers, move || {
                    barrier.wait();
                });
            }
            barrier.wait();
        }
        assert_eq!(workers.lock().threads, 3);
    }
}
