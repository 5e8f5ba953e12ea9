//! Work that waits for a connection: first come, first served, done by as many threads as there are connections.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread stays when there is nothing to do.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The queue, shared by its clones.
///
/// A thread that is done takes the next job itself instead of going to sleep while another is woken: under load that
/// saves two switches between threads per job, and they cost more than all else we do for a row. The threads are the
/// queue's own because tokio wakes its blocking threads while it holds the lock they need: twice the system calls.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

struct State {
    /// With the moment they came.
    waiting: VecDeque<(Instant, Job)>,
    threads: u32,
    /// Those of the threads that sleep, or were woken just now.
    idle: usize,
    most_threads: u32,
    longest_wait: Duration,
}

impl Queue {
    /// A queue for that many jobs at a time. Those that have waited longer than `longest_wait` may be dropped undone.
    pub(super) fn new(most_threads: u32, longest_wait: Duration) -> Self {
        let state = State { waiting: VecDeque::new(), threads: 0, idle: 0, most_threads, longest_wait };
        Self(Arc::new(Shared { state: Mutex::new(state), filled: Condvar::new() }))
    }

    /// Has the job done when its turn comes.
    pub(super) fn push(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let stale = state.take_stale();
        state.waiting.push_back((Instant::now(), Box::new(job)));
        let is_enough = state.waiting.len() <= state.idle;
        let may_grow = !is_enough && state.threads < state.most_threads;
        if may_grow {
            state.threads += 1;
        }
        // Whoever is woken needs the lock at once.
        drop(state);
        drop(stale);
        if is_enough {
            self.0.filled.notify_one();
        } else if may_grow {
            self.spawn();
        }
    }

    fn spawn(&self) {
        let queue = self.clone();
        let spawned = thread::Builder::new().name("database".to_owned()).spawn(move || queue.work());
        if let Err(error) = spawned {
            // The job stays for the other threads; without any, its caller gives up in time.
            tracing::error!(%error, "could not start a thread for the database");
            self.lock().threads -= 1;
        }
    }

    /// Does jobs until none has come for a while.
    fn work(&self) {
        while let Some(job) = self.next() {
            // Whoever waits for a job that panics hears of it: what the job would have answered with is dropped. The
            // thread goes on, or its place would be lost.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job; when none comes, the thread gives its place back.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some((_, job)) = state.waiting.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let waited = self.0.filled.wait_timeout(state, KEEP_ALIVE);
            let (locked, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
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

impl State {
    /// The jobs that nobody waits for any more. While no thread comes back (the database hangs), they would pile up.
    fn take_stale(&mut self) -> VecDeque<(Instant, Job)> {
        let is_stale = |(since, _): &(Instant, Job)| since.elapsed() > self.longest_wait;
        let fresh = self.waiting.iter().position(|job| !is_stale(job)).unwrap_or(self.waiting.len());
        let fresh = self.waiting.split_off(fresh);
        std::mem::replace(&mut self.waiting, fresh)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    const FOREVER: Duration = Duration::MAX;

    #[test]
    fn jobs_that_waited_too_long_make_room() {
        let queue = Queue::new(1, Duration::ZERO);
        let (hold, held) = mpsc::channel::<()>();
        let (begun, is_held) = mpsc::channel();
        queue.push(move || {
            let _ = begun.send(());
            let _ = held.recv();
        });
        is_held.recv().expect("the job has begun");
        let (answer, answered) = mpsc::channel::<()>();
        queue.push(move || drop(answer));
        queue.push(|| {});
        assert!(answered.recv().is_err(), "who waits for it hears of it");
        assert_eq!(queue.lock().waiting.len(), 1);
        drop(hold);
    }

    #[test]
    fn jobs_are_done_in_order_and_a_panic_stops_none() {
        let queue = Queue::new(1, FOREVER);
        let (done, order) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            queue.push(move || {
                assert_ne!(number, 1, "one job panics");
                let _ = done.send(number);
            });
        }
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn as_many_jobs_run_at_a_time_as_there_are_threads() {
        let queue = Queue::new(3, FOREVER);
        // Also when the threads are there already and asleep.
        for _ in 0..3 {
            let meeting = Arc::new(Barrier::new(4));
            for _ in 0..3 {
                let meeting = meeting.clone();
                queue.push(move || {
                    meeting.wait();
                });
            }
            meeting.wait();
        }
        assert_eq!(queue.lock().threads, 3);
    }
}
