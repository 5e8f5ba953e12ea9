//! Bounds what one call can do to the service: it has a deadline, and when it panics only it fails.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::around::Around;
use super::deadline;
use crate::deadline as calls;
use crate::error::{Error, Kind};
use crate::server::protocols::protocol::Protocol;
use crate::server::protocols::services::Rest;
use crate::server::types::{Answering, BoxFuture, REQUEST_ID, Request, Response};

/// Bounds every call.
#[derive(Clone)]
pub struct Limits<R> {
    /// No call takes longer.
    pub timeout: Duration,
    /// Has the words of a failed REST call.
    pub rest: R,
}

impl<R: Rest> Around for Limits<R> {
    fn call(&self, request: Request, inner: &mut impl Answering) -> BoxFuture {
        let deadlines = deadline::of(request.headers(), self.timeout);
        let protocol = Protocol::of(&request);
        // Cheap: the text is shared with the request.
        let uri = request.uri().clone();
        let request_id = request.headers().get(REQUEST_ID).cloned();
        let rest = self.rest.clone();
        let answer = calls::by(deadlines, inner.call(request));
        Box::pin(async move {
            let error = match tokio::time::timeout_at(deadlines.answer.into(), unpanicked(answer)).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(panic)) => Error::internal(panic),
                Err(_) => Error::new(Kind::DeadlineExceeded, calls::UP),
            };
            Ok(protocol.error(error, |error| rest.error_response(uri.path(), error, request_id.as_ref())))
        })
    }
}

/// The answer, or what a panic said. State shared with other calls is behind locks and channels that survive one.
async fn unpanicked(answer: impl Future<Output = Result<Response, Infallible>>) -> Result<Response, String> {
    let mut answer = pin!(answer);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(response)),
        Err(panic) => Poll::Ready(Err(words(panic.as_ref()))),
    })
    .await
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", words.unwrap_or("without words"))
}
