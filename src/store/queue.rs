//! Work that waits for a connection, done by as many threads as there are connections. Whose turn it is, [`lines`] says.

mod lines;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use self::lines::{Job, Lines};
use crate::ids::OrgId;

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
    lines: Lines,
    threads: u32,
    /// Those of the threads that sleep, or were woken just now.
    idle: usize,
    most_threads: u32,
}

impl Queue {
    /// A queue for that many jobs at a time. What has waited longer than `longest_wait`, or could be expected to, is dropped.
    pub(super) fn new(most_threads: u32, longest_wait: Duration) -> Self {
        let lines = Lines::new(share(most_threads), longest_wait);
        let state = State { lines, threads: 0, idle: 0, most_threads };
        Self(Arc::new(Shared { state: Mutex::new(state), filled: Condvar::new() }))
    }

    /// Has the organization's job done when its turn comes, or drops it.
    pub(super) fn push(&self, org: Option<OrgId>, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let undone = state.lines.push(org, Box::new(job));
        let ready = state.lines.ready();
        let may_wake = ready > 0 && ready <= state.idle;
        let may_grow = ready > state.idle && state.threads < state.most_threads;
        if may_grow {
            state.threads += 1;
        }
        // Whoever is woken needs the lock at once.
        drop(state);
        drop(undone);
        if may_wake {
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
        let mut done = None;
        while let Some((org, job)) = self.next(done) {
            // Whoever waits for a job that panics hears of it: what the job would have answered with is dropped. The
            // thread goes on, or its place would be lost.
            let _ = catch_unwind(AssertUnwindSafe(job));
            done = Some(org);
        }
    }

    /// The next job and whose it is, after one of that line was done. When none comes, the thread gives its place back.
    fn next(&self, done: Option<Option<OrgId>>) -> Option<(Option<OrgId>, Job)> {
        let mut state = self.lock();
        if let Some(org) = done {
            state.lines.end(org);
        }
        loop {
            if let Some(begun) = state.lines.begin() {
                return Some(begun);
            }
            state.idle += 1;
            let waited = self.0.filled.wait_timeout(state, KEEP_ALIVE);
            let (locked, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle -= 1;
            if timeout.timed_out() && state.lines.ready() == 0 {
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

/// How many of the threads one organization has at most: what it asks for may take long, and one in four is left to all others.
const fn share(threads: u32) -> u32 {
    threads - threads / 4
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    const FOREVER: Duration = Duration::MAX;

    /// Keeps a thread of the queue busy for that organization until the value is dropped.
    fn hold(queue: &Queue, org: Option<OrgId>) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        queue.push(org, move || {
            let _ = begun.send(());
            let _ = held.recv();
        });
        has_begun.recv().expect("the job has begun");
        hold
    }

    #[test]
    fn jobs_that_waited_too_long_make_room() {
        let queue = Queue::new(1, Duration::ZERO);
        let hold = hold(&queue, None);
        let (answer, answered) = mpsc::channel::<()>();
        queue.push(None, move || drop(answer));
        queue.push(None, || {});
        assert!(answered.recv().is_err(), "who waits for it hears of it");
        assert_eq!(queue.lock().lines.ready(), 1);
        drop(hold);
    }

    #[test]
    fn jobs_are_done_in_order_and_a_panic_stops_none() {
        let queue = Queue::new(1, FOREVER);
        let (done, order) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            queue.push(None, move || {
                assert_ne!(number, 1, "one job panics");
                let _ = done.send(number);
            });
        }
        drop(done);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn a_thread_in_four_is_left_to_others_by_each_organization() {
        let [slow, other] = [1, 2].map(|number| Some(OrgId::from(uuid::Uuid::from_u128(number))));
        let queue = Queue::new(4, FOREVER);
        let mut held: Vec<_> = (0..3).map(|_| hold(&queue, slow)).collect();
        let (done, order) = mpsc::channel();
        for (org, job) in [(slow, "slow"), (other, "other"), (None, "none")] {
            let done = done.clone();
            queue.push(org, move || {
                let _ = done.send(job);
            });
        }
        assert_eq!([order.recv(), order.recv()], [Ok("other"), Ok("none")]);
        assert_eq!(order.try_recv(), Err(mpsc::TryRecvError::Empty));
        held.pop();
        assert_eq!(order.recv(), Ok("slow"), "as soon as one of its own is done");
    }

    #[test]
    fn as_many_jobs_run_at_a_time_as_there_are_threads() {
        let queue = Queue::new(3, FOREVER);
        // Also when the threads are there already and asleep.
        for _ in 0..3 {
            let meeting = Arc::new(Barrier::new(4));
            for _ in 0..3 {
                let meeting = meeting.clone();
                queue.push(None, move || {
                    meeting.wait();
                });
            }
            meeting.wait();
        }
        assert_eq!(queue.lock().threads, 3);
    }
}
