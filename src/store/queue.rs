//! Work that waits for a connection: first come, first served, done by as many threads as there are connections.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// The queue, shared by its clones.
///
/// A thread that is done takes the next job itself instead of going to sleep while another is woken: under load that
/// saves two switches between threads per job, and they cost more than all else we do for a row.
#[derive(Clone)]
pub(super) struct Queue(Arc<Mutex<State>>);

struct State {
    waiting: VecDeque<Job>,
    threads: u32,
    most_threads: u32,
}

impl Queue {
    /// A queue for that many jobs at a time.
    pub(super) fn new(most_threads: u32) -> Self {
        Self(Arc::new(Mutex::new(State { waiting: VecDeque::new(), threads: 0, most_threads })))
    }

    /// Has the job done when its turn comes. Must be called on a tokio runtime, whose blocking threads do it.
    pub(super) fn push(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.waiting.push_back(Box::new(job));
        if state.threads < state.most_threads {
            state.threads += 1;
            let queue = self.clone();
            tokio::task::spawn_blocking(move || queue.work());
        }
    }

    /// Does jobs until none waits.
    fn work(&self) {
        while let Some(job) = self.next() {
            // Whoever waits for a job that panics hears of it: what the job would have answered with is dropped. The
            // thread goes on, or its place would be lost.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job; when there is none, the thread gives its place back.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::Queue;

    #[tokio::test]
    async fn jobs_are_done_in_order_and_a_panic_stops_none() {
        let queue = Queue::new(1);
        let (done, order) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            queue.push(move || {
                assert_ne!(number, 1, "one job panics");
                let _ = done.send(number);
            });
        }
        drop(done);
        let order = tokio::task::spawn_blocking(move || order.iter().collect::<Vec<_>>()).await;
        assert_eq!(order.expect("the collector ends"), [0, 2, 3]);
    }
}
