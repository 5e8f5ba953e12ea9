//! Gives every request its id and a trace and, when it is answered, counts it and writes one line in the log: which RPC,
//! through which protocol, how it ended and how long it took. No query, no path of REST (it holds phone numbers), nothing
//! anybody wrote. Calls that went well are told at debug level only: their lines would cost as much as the rest of the
//! stack. Of a stream, metrics and traces tell how it ended when it has; why it failed is told by who serves it.

mod ending;

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use http::{Method, Uri};
use tonic::{Code, Status};
use tracing::Level;

use self::ending::Watched;
use super::around::Around;
use super::request_id;
use crate::error::Kind;
use crate::pb::METHODS;
use crate::server::protocols::guard;
use crate::server::protocols::protocol::Protocol;
use crate::server::protocols::services::Rest;
use crate::server::types::{Answering, BoxFuture, REQUEST_ID, Request, Response};
use crate::telemetry::causes;
use crate::telemetry::current::Current;
use crate::telemetry::metrics::{self, Present};
use crate::telemetry::traces::{self, Trace};

/// Observes every request.
#[derive(Clone)]
pub struct Observe<R> {
    /// Knows which RPC a path stands for.
    pub rest: R,
}

impl<R: Rest> Around for Observe<R> {
    fn call(&self, mut request: Request, inner: &mut impl Answering) -> BoxFuture {
        let id = request_id::ensure(request.headers_mut());
        let current = Current::begin(id.clone(), request.headers());
        let trace = current.trace().cloned();
        let call = Call {
            rest: self.rest.clone(),
            protocol: Protocol::of(&request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            begun: Instant::now(),
        };
        let answer = inner.call(request);
        Box::pin(current.serve(async move {
            let _present = Present::call();
            let Ok(mut response) = answer.await;
            response.headers_mut().insert(REQUEST_ID, id);
            if let Some(told) = trace.as_ref().and_then(Trace::answer) {
                response.headers_mut().insert(traces::ANSWER, told);
            }
            Ok(call.tell(response, trace))
        }))
    }
}

/// A call until it is answered. Its texts are shared with the request, not copied.
struct Call<R> {
    rest: R,
    protocol: Protocol,
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
    fn tell(self, response: Response, trace: Option<Trace>) -> Response {
        let failure = Failure::of(&response);
        let is_told = failure.is_some() || tracing::enabled!(Level::DEBUG);
        if !is_told && trace.is_none() && !metrics::are_kept() {
            return response;
        }
        let (rpc, protocol, took) = (self.rpc(), self.protocol.name(), self.begun.elapsed());
        let code = failure.as_ref().map_or(Code::Ok, |failure| failure.code);
        let is_stream = failure.is_none() && METHODS.iter().any(|known| known.path == rpc && known.is_stream);
        if is_told {
            self.log(&response, failure, rpc, took);
        }
        let end = move |code| {
            metrics::answered(rpc, protocol, name_of(code), took);
            if let Some(trace) = trace {
                trace.end(rpc, protocol, name_of(code), is_ours(code));
            }
        };
        if is_stream {
            return Watched::until_its_end(response, end);
        }
        end(code);
        response
    }

    fn log(&self, response: &Response, failure: Option<Failure<'_>>, rpc: &str, took: Duration) {
        let status = match self.protocol {
            Protocol::Rest => i32::from(response.status().as_u16()),
            Protocol::Grpc | Protocol::GrpcWeb => {
                failure.as_ref().map_or(Code::Ok, |failure| failure.code) as i32
            }
        };
        let (protocol, ms) = (self.protocol.name(), milliseconds(took));
        let Some(failure) = failure else {
            return tracing::debug!(rpc, protocol, status, ms, "answered");
        };
        let (code, error) = (failure.code, || failure.cause.map(causes).unwrap_or_default());
        if is_ours(code) {
            tracing::error!(rpc, protocol, status, ms, ?code, error = error(), "failed");
        } else if matches!(code, Code::Unavailable | Code::DeadlineExceeded) {
            tracing::warn!(rpc, protocol, status, ms, ?code, error = error(), "failed");
        } else if code == Code::ResourceExhausted {
            // Those come in floods, which the metrics count. The log must not be part of them.
            tracing::debug!(rpc, protocol, status, ms, ?code, "refused");
        } else {
            tracing::info!(rpc, protocol, status, ms, ?code, "refused");
        }
    }

    /// The RPC as a path. One that names none is the caller's own words and is not repeated.
    fn rpc(&self) -> &'static str {
        let path = self.uri.path();
        match self.protocol {
            Protocol::Grpc | Protocol::GrpcWeb => {
                let ours = METHODS.iter().map(|method| method.path).find(|known| *known == path);
                ours.or_else(|| guard::OPEN.into_iter().find(|open| path.starts_with(open))).unwrap_or("-")
            }
            Protocol::Rest => self.rest.rpc(&self.method, path).unwrap_or("-"),
        }
    }
}

/// Whether it is a fault of ours.
const fn is_ours(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::DataLoss)
}

/// With three digits after the point.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// The code as gRPC's documents spell it.
const fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
