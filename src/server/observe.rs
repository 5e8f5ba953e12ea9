//! Gives every request its id and, when it is answered, one line in the log: which RPC, through which door, how it
//! ended and how long it took. No query, no path of REST (it holds phone numbers), nothing anybody wrote. Calls that
//! went well are told at debug level only: their lines would cost as much as the rest of the stack.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, Uri};
use tonic::{Code, Status};
use tracing::Level;

use super::around::{Answering, Around};
use super::door::Door;
use super::services::Rest;
use super::{BoxFuture, Request, Response, request_id};
use crate::error::Kind;
use crate::telemetry::causes;

/// Observes every request.
#[derive(Clone)]
pub struct Observe<R> {
    /// Knows which RPC a path stands for.
    pub rest: R,
}

impl<R: Rest> Around for Observe<R> {
    fn call(&self, mut request: Request, inner: &mut impl Answering) -> BoxFuture {
        let id = request_id::ensure(request.headers_mut());
        let call = Call {
            rest: self.rest.clone(),
            id: id.clone(),
            door: Door::of(&request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            begun: Instant::now(),
        };
        let answer = inner.call(request);
        Box::pin(async move {
            let Ok(mut response) = answer.await;
            response.headers_mut().insert(request_id::HEADER, id);
            call.log(&response);
            Ok(response)
        })
    }
}

/// A call until it is answered. Its texts are shared with the request, not copied.
struct Call<R> {
    rest: R,
    id: HeaderValue,
    door: Door,
    method: Method,
    uri: Uri,
    begun: Instant,
}

/// How a call failed.
struct Failure<'a> {
    code: Code,
    /// What is behind it: for the log only.
    cause: Option<&'a (dyn StdError + 'static)>,
}

impl Failure<'_> {
    /// A failed answer has a [`Status`] in its extensions, or at least the [`Kind`] of the failure.
    fn of(response: &Response) -> Option<Failure<'_>> {
        let extensions = response.extensions();
        match (extensions.get::<Status>(), extensions.get::<Kind>()) {
            (Some(status), _) if status.code() == Code::Ok => None,
            // tonic's own have no cause but themselves.
            (Some(status), _) => {
                Some(Failure { code: status.code(), cause: status.source().or(Some(status)) })
            }
            (None, Some(kind)) => Some(Failure { code: kind.row().code, cause: None }),
            (None, None) => None,
        }
    }
}

impl<R: Rest> Call<R> {
    fn log(&self, response: &Response) {
        let failure = Failure::of(response);
        if failure.is_none() && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        let rpc = self.rpc(failure.as_ref());
        let status = match self.door {
            Door::Rest => i32::from(response.status().as_u16()),
            Door::Grpc | Door::GrpcWeb => failure.as_ref().map_or(Code::Ok, |failure| failure.code) as i32,
        };
        let (door, request_id) = (self.door.name(), self.id.to_str().unwrap_or_default());
        let ms = milliseconds(self.begun.elapsed());
        let Some(Failure { code, cause }) = failure else {
            return tracing::debug!(request_id, rpc, door, status, ms, "answered");
        };
        let error = || cause.map(causes).unwrap_or_default();
        if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss) {
            tracing::error!(request_id, rpc, door, status, ms, ?code, error = error(), "failed");
        } else if matches!(code, Code::Unavailable | Code::DeadlineExceeded) {
            tracing::warn!(request_id, rpc, door, status, ms, ?code, error = error(), "failed");
        } else {
            tracing::info!(request_id, rpc, door, status, ms, ?code, "refused");
        }
    }

    /// The RPC as a path. A gRPC path that names none is the caller's own words and is not repeated.
    fn rpc(&self, failure: Option<&Failure<'_>>) -> &str {
        match self.door {
            Door::Grpc | Door::GrpcWeb
                if failure.is_some_and(|failure| failure.code == Code::Unimplemented) =>
            {
                "-"
            }
            Door::Grpc | Door::GrpcWeb => self.uri.path(),
            Door::Rest => self.rest.rpc(&self.method, self.uri.path()).unwrap_or("-"),
        }
    }
}

/// With three digits after the point.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
