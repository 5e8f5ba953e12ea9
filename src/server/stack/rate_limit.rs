//! Turns callers away who call too often: each key or member, and each organization, has a bucket of calls that fills up
//! again as time goes by. In this process: each replica has buckets of its own.

mod buckets;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use self::buckets::{Buckets, Level, Refusal};
use super::admission;
use super::around::Around;
use crate::caller::{Caller, Identity};
use crate::config::RateLimits;
use crate::error::{Error, Kind};
use crate::server::protocols::protocol::Protocol;
use crate::server::protocols::services::Rest;
use crate::server::types::{Answering, BoxFuture, REQUEST_ID, Request, Response};
use crate::telemetry::metrics;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// What gRPC clients that retry by themselves wait for, in milliseconds: gRFC A6.
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Counts the calls of those whose token is good. The others never get as far as a bucket, so no flood of made-up tokens
/// makes any.
#[derive(Clone)]
pub struct RateLimit<R> {
    buckets: Arc<Mutex<Buckets>>,
    /// Has the words of a failed REST call.
    rest: R,
}

impl<R: Rest> RateLimit<R> {
    /// Lets so many calls pass.
    pub fn new(limits: RateLimits, rest: R) -> Self {
        Self { buckets: Arc::new(Mutex::new(Buckets::new(limits))), rest }
    }

    fn take(&self, caller: &Caller) -> Result<Option<Level>, Refusal> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(caller, Instant::now())
    }

    fn refuse(&self, request: &Request, refusal: &Refusal) -> Response {
        metrics::shed(refusal.reason);
        let error = Error::new(Kind::RateLimited, refusal.message);
        let rest = |error: &Error| {
            let request_id = request.headers().get(REQUEST_ID);
            // It says `retry-after: 1`: rates are whole calls a second, so nobody waits longer.
            self.rest.error_response(request.uri().path(), error, request_id)
        };
        let protocol = Protocol::of(request);
        let mut response = protocol.error(error, rest);
        match protocol {
            Protocol::Rest => tell(response.headers_mut(), &refusal.level),
            Protocol::Grpc | Protocol::GrpcWeb => {
                // There are no trailers: the status, and what belongs to it, are in the header fields.
                response.headers_mut().insert(PUSHBACK, whole_millis(refusal.wait).into());
            }
        }
        response
    }
}

impl<R: Rest> Around for RateLimit<R> {
    fn call(&self, request: Request, inner: &mut impl Answering) -> BoxFuture {
        let caller = match request.extensions().get::<Identity>() {
            Some(Identity::Known(caller)) if !admission::is_probe(request.uri().path()) => caller,
            _ => return inner.call(request),
        };
        let level = match self.take(caller) {
            Ok(level) => level,
            Err(refusal) => {
                let answer = self.refuse(&request, &refusal);
                return Box::pin(std::future::ready(Ok(answer)));
            }
        };
        let told = level.filter(|_| Protocol::of(&request) == Protocol::Rest);
        let answer = inner.call(request);
        match told {
            Some(level) => Box::pin(async move {
                let Ok(mut response) = answer.await;
                tell(response.headers_mut(), &level);
                Ok(response)
            }),
            None => answer,
        }
    }
}

fn tell(headers: &mut HeaderMap, level: &Level) {
    headers.insert(LIMIT, HeaderValue::from(level.limit));
    headers.insert(REMAINING, HeaderValue::from(level.remaining));
    headers.insert(RESET, HeaderValue::from(whole_seconds(level.full_in)));
}

/// Rounded up: who comes when a rounded down time is over comes too early.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Rounded up, too.
fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
