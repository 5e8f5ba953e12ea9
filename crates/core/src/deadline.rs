//! Deadlines of the current call, as task-local values.

use std::time::Instant;

/// The error text of a call that exceeds its deadline.
pub const EXCEEDED: &str = "the deadline of the call is exceeded";

tokio::task_local! {
    static DEADLINES: Deadlines;
}

/// The deadlines of a call.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// The deadline of the response; for a stream, of its beginning.
    pub answer: Instant,
    /// The deadline that the client set, if any. A stream must end by then, too.
    pub client: Option<Instant>,
}

/// Runs a call with these deadlines.
pub async fn by<F: Future>(deadlines: Deadlines, call: F) -> F::Output {
    DEADLINES.scope(deadlines, call).await
}

/// The deadline of the current response; `None` outside of a call and in the body of a stream.
pub fn current() -> Option<Instant> {
    DEADLINES.try_with(|deadlines| deadlines.answer).ok()
}

/// The deadline that the client set for the current call.
pub fn client() -> Option<Instant> {
    DEADLINES.try_with(|deadlines| deadlines.client).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn deadlines_are_visible_only_inside_the_call() {
        let answer = Instant::now();
        let deadlines = Deadlines { answer, client: None };
        assert_eq!(by(deadlines, async { (current(), client()) }).await, (Some(answer), None));
        let deadlines = Deadlines { client: Some(answer), ..deadlines };
        assert_eq!(by(deadlines, async { client() }).await, Some(answer));
        assert_eq!((current(), client()), (None, None));
        let elsewhere = by(deadlines, async { tokio::spawn(async { current() }).await });
        assert_eq!(elsewhere.await.ok(), Some(None), "a task that outlives the call has no deadline");
    }
}
