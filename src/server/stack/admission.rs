//! Admits only so many calls at a time. Beyond that everyone would wait longer and nobody would be served sooner, so who
//! comes then is told at once to try again.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::around::Around;
use crate::error::{Error, Kind};
use crate::server::protocols::protocol::Protocol;
use crate::server::protocols::services::Rest;
use crate::server::types::{Answering, BoxFuture, REQUEST_ID, Request};
use crate::telemetry::metrics;

/// Admits or turns away.
#[derive(Clone)]
pub struct Admission<R> {
    free: Arc<Semaphore>,
    /// Has the words of a failed REST call.
    rest: R,
}

impl<R: Rest> Admission<R> {
    /// Admits that many calls at a time. A stream counts until it begins to answer.
    pub fn new(most: usize, rest: R) -> Self {
        Self { free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))), rest }
    }
}

impl<R: Rest> Around for Admission<R> {
    fn call(&self, request: Request, inner: &mut impl Answering) -> BoxFuture {
        if is_probe(request.uri().path()) {
            return inner.call(request);
        }
        match self.free.clone().try_acquire_owned() {
            Ok(place) => {
                let answer = inner.call(request);
                Box::pin(async move {
                    let _place = place;
                    answer.await
                })
            }
            Err(_) => {
                metrics::shed("in_flight");
                let error = Error::new(Kind::Overloaded, "too much to do right now, try again")
                    .caused_by("as many calls in flight as are admitted");
                let rest = |error: &Error| {
                    let request_id = request.headers().get(REQUEST_ID);
                    self.rest.error_response(request.uri().path(), error, request_id)
                };
                let answer = Protocol::of(&request).error(error, rest);
                Box::pin(std::future::ready(Ok(answer)))
            }
        }
    }
}

/// Who asks whether the service is well gets an answer also when it has too much to do: it costs nothing.
pub fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz") || path.starts_with("/grpc.health.v1.Health/")
}
