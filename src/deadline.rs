//! When the call that is being served must be answered: whatever is done for it can ask.

use std::time::Instant;

/// What callers are told of a call that took too long.
pub const UP: &str = "the time for the call is up";

tokio::task_local! {
    static DEADLINES: Deadlines;
}

/// Until when a call may go on.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// It must be answered by then. A stream must have begun.
    pub answer: Instant,
    /// What the caller asked for itself, if anything: by then a stream must have ended, too.
    pub asked: Option<Instant>,
}

/// Serves a call within these deadlines.
pub async fn by<F: Future>(deadlines: Deadlines, call: F) -> F::Output {
    DEADLINES.scope(deadlines, call).await
}

/// When the present call must be answered; `None` where no call is served, and in the body of a stream.
pub fn current() -> Option<Instant> {
    DEADLINES.try_with(|deadlines| deadlines.answer).ok()
}

/// When everything that the present call answers must have been said, if its caller asked for that.
pub fn asked() -> Option<Instant> {
    DEADLINES.try_with(|deadlines| deadlines.asked).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_knows_its_deadlines_and_others_have_none() {
        let answer = Instant::now();
        let deadlines = Deadlines { answer, asked: None };
        assert_eq!(by(deadlines, async { (current(), asked()) }).await, (Some(answer), None));
        let deadlines = Deadlines { asked: Some(answer), ..deadlines };
        assert_eq!(by(deadlines, async { asked() }).await, Some(answer));
        assert_eq!((current(), asked()), (None, None));
        let elsewhere = by(deadlines, async { tokio::spawn(async { current() }).await });
        assert_eq!(elsewhere.await.ok(), Some(None), "what outlives the call has no deadline");
    }
}
