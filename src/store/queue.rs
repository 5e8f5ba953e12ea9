//! Work that waits for a connection, done by as many threads as there are connections. Organizations take turns, so that
//! nobody waits for the many calls of another one; what waits for one organization is done in the order it came.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::ids::OrgId;

type Job = Box<dyn FnOnce() + Send>;
/// Jobs with the moment they came.
type Line = VecDeque<(Instant, Job)>;

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
    waiting: Waiting,
    threads: u32,
    /// Those of the threads that sleep, or were woken just now.
    idle: usize,
    most_threads: u32,
    longest_wait: Duration,
}

/// A line for each organization that has jobs here, and one for the jobs that are no organization's.
#[derive(Default)]
struct Waiting {
    lines: HashMap<Option<OrgId>, Line>,
    /// Whose turn it is: each line once.
    turns: VecDeque<Option<OrgId>>,
    jobs: usize,
}

impl Queue {
    /// A queue for that many jobs at a time. Those that have waited longer than `longest_wait` may be dropped undone.
    pub(super) fn new(most_threads: u32, longest_wait: Duration) -> Self {
        let state = State { waiting: Waiting::default(), threads: 0, idle: 0, most_threads, longest_wait };
        Self(Arc::new(Shared { state: Mutex::new(state), filled: Condvar::new() }))
    }

    /// Has the organization's job done when its turn comes.
    pub(super) fn push(&self, org: Option<OrgId>, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let longest_wait = state.longest_wait;
        let stale = state.waiting.push(org, Box::new(job), longest_wait);
        let is_enough = state.waiting.jobs <= state.idle;
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
            if let Some(job) = state.waiting.pop() {
                return Some(job);
            }
            state.idle += 1;
            let waited = self.0.filled.wait_timeout(state, KEEP_ALIVE);
            let (locked, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.jobs == 0 {
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

impl Waiting {
    /// Adds a job to that line. Answers the jobs of the line that nobody waits for any more: while no thread comes back (the
    /// database hangs), they would pile up.
    fn push(&mut self, org: Option<OrgId>, job: Job, longest_wait: Duration) -> Line {
        let line = self.lines.entry(org).or_default();
        if line.is_empty() {
            self.turns.push_back(org);
        }
        let is_stale = |(since, _): &(Instant, Job)| since.elapsed() > longest_wait;
        let fresh = line.iter().position(|job| !is_stale(job)).unwrap_or(line.len());
        let fresh = line.split_off(fresh);
        let stale = std::mem::replace(line, fresh);
        line.push_back((Instant::now(), job));
        self.jobs += 1;
        self.jobs -= stale.len();
        stale
    }

    /// The first job of the line whose turn it is.
    fn pop(&mut self) -> Option<Job> {
        let org = self.turns.pop_front()?;
        let line = self.lines.get_mut(&org)?;
        let (_, job) = line.pop_front()?;
        if line.is_empty() {
            self.lines.remove(&org);
        } else {
            self.turns.push_back(org);
        }
        self.jobs -= 1;
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};

    use super::*;

    const FOREVER: Duration = Duration::MAX;

    /// Keeps a thread of the queue busy until the value is dropped.
    fn hold(queue: &Queue) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        queue.push(None, move || {
            let _ = begun.send(());
            let _ = held.recv();
        });
        has_begun.recv().expect("the job has begun");
        hold
    }

    #[test]
    fn jobs_that_waited_too_long_make_room() {
        let queue = Queue::new(1, Duration::ZERO);
        let hold = hold(&queue);
        let (answer, answered) = mpsc::channel::<()>();
        queue.push(None, move || drop(answer));
        queue.push(None, || {});
        assert!(answered.recv().is_err(), "who waits for it hears of it");
        assert_eq!(queue.lock().waiting.jobs, 1);
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
    fn organizations_take_turns() {
        let [busy, calm, new] = [1, 2, 3].map(|number| Some(OrgId::from(uuid::Uuid::from_u128(number))));
        let queue = Queue::new(1, FOREVER);
        let (done, order) = mpsc::channel();
        let hold = hold(&queue);
        for (org, job) in [
            (busy, "busy 1"),
            (busy, "busy 2"),
            (busy, "busy 3"),
            (calm, "calm 1"),
            (None, "none"),
            (calm, "calm 2"),
            (new, "new"),
        ] {
            let done = done.clone();
            queue.push(org, move || {
                let _ = done.send(job);
            });
        }
        drop((hold, done));
        let turns = ["busy 1", "calm 1", "none", "new", "busy 2", "calm 2", "busy 3"];
        assert_eq!(order.iter().collect::<Vec<_>>(), turns);
        assert!(queue.lock().waiting.lines.is_empty(), "no line is kept for those who are gone");
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
