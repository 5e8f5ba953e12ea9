//! When the call that is being served must be answered: whatever is done for it can ask.

use std::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Serves a call that must be answered by then.
pub async fn by<F: Future>(deadline: Instant, call: F) -> F::Output {
    DEADLINE.scope(deadline, call).await
}

/// When the present call must be answered; `None` where no call is served, and in the body of a stream.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_knows_its_deadline_and_others_have_none() {
        let deadline = Instant::now();
        assert_eq!(by(deadline, async { current() }).await, Some(deadline));
        assert_eq!(current(), None);
        let elsewhere = by(deadline, async { tokio::spawn(async { current() }).await });
        assert_eq!(elsewhere.await.ok(), Some(None), "what outlives the call has no deadline");
    }
}
