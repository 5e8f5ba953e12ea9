//! Logs, counts and traces every request: RPC, protocol, outcome and duration.
//!
//! Neither queries nor REST paths are logged: they hold phone numbers and texts. Successful requests are logged at debug
//! level only, because their lines would cost as much as the rest of the stack.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::transcode::Transcoder;
use axum::extract::State;
use axum::middleware::Next;
use http::{HeaderValue, Method, Uri};
use tonic::{Code, Status};
use tracing::Level;

use super::refusals::Refusals;
use super::stream_end;
use crate::ids::KeyId;
use crate::pb::Method as Rpc;
use crate::server::protocols::OPEN_SERVICES;
use crate::server::protocols::media::is_media;
use crate::server::protocols::protocol::Protocol;
use crate::server::types::{REQUEST_ID, Request, Response};
use crate::telemetry::causes;
use crate::telemetry::current::{self, Current};
use crate::telemetry::metrics::{self, GaugeGuard};
use crate::telemetry::traces::{self, Trace};

/// What finds the RPC of a request and limits log lines. Cheap to clone.
#[derive(Clone)]
pub struct Observer {
    rest: Transcoder,
    refusals: Arc<Refusals>,
}

impl Observer {
    /// An observer that has logged nothing.
    pub fn new(rest: Transcoder) -> Self {
        Self { rest, refusals: Arc::default() }
    }
}

/// Records the request and its response. A stream is recorded when it has ended.
pub async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::from_static("unknown"));
    let current = Current::begin(id, request.headers());
    let trace = current.trace().cloned();
    let call = Call {
        observer,
        protocol: Protocol::of(&request),
        method: request.method().clone(),
        uri: request.uri().clone(),
        begun: Instant::now(),
    };
    let handle = async {
        let _in_flight = GaugeGuard::request();
        let mut response = next.run(request).await;
        if let Some(value) = trace.as_ref().and_then(Trace::response_header) {
            response.headers_mut().insert(traces::RESPONSE_HEADER, value);
        }
        call.record(response, trace)
    };
    current.serve(handle).await
}

/// A request until its response begins.
/// Its texts are shared with the request, not copied.
struct Call {
    observer: Observer,
    protocol: Protocol,
    method: Method,
    uri: Uri,
    begun: Instant,
}

/// The failure of a request: the status in its response's extensions.
fn failure(response: &Response) -> Option<&Status> {
    response.extensions().get::<Status>().filter(|status| status.code() != Code::Ok)
}

impl Call {
    fn record(self, response: Response, trace: Option<Trace>) -> Response {
        let failure = failure(&response);
        let is_logged = failure.is_some() || tracing::enabled!(Level::DEBUG);
        if !is_logged && trace.is_none() && !metrics::are_enabled() {
            return response;
        }
        let (rpc, protocol, duration) = (self.rpc(), self.protocol.name(), self.begun.elapsed());
        let code = failure.map_or(Code::Ok, Status::code);
        let is_stream = failure.is_none() && Rpc::of(rpc).is_some_and(|method| method.is_stream);
        if is_logged {
            self.log(&response, failure, rpc, duration);
        }
        let record_end = move |code| {
            metrics::request(rpc, protocol, name_of(code), duration);
            if let Some(trace) = trace {
                trace.end(rpc, protocol, name_of(code), is_server_fault(code));
            }
        };
        if is_stream {
            return stream_end::on_end(response, record_end);
        }
        record_end(code);
        response
    }

    fn log(&self, response: &Response, failure: Option<&Status>, rpc: &str, duration: Duration) {
        let code = failure.map_or(Code::Ok, Status::code);
        let status = match self.protocol {
            Protocol::Rest => i32::from(response.status().as_u16()),
            Protocol::Grpc | Protocol::GrpcWeb => code as i32,
        };
        let (protocol, ms) = (self.protocol.name(), duration.as_micros() as f64 / 1000.0);
        let Some(failure) = failure else {
            return tracing::debug!(rpc, protocol, status, ms, "answered");
        };
        // tonic's own statuses have no source.
        let error = || causes(failure.source().unwrap_or(failure));
        let current = current::get();
        let (org, key) = current.as_ref().map_or((None, None), |current| (current.org(), current.key()));
        if is_server_fault(code) {
            tracing::error!(rpc, protocol, status, ms, ?code, error = error(), "failed");
        } else if self.observer.refusals.count(org, key) {
            let (org, key) = (org.map(|org| org.to_string()), key.map(KeyId::as_str));
            if matches!(code, Code::Unavailable | Code::DeadlineExceeded) {
                tracing::warn!(rpc, protocol, status, ms, ?code, org, key, error = error(), "failed");
            } else {
                tracing::info!(rpc, protocol, status, ms, ?code, org, key, "refused");
            }
        }
    }

    /// The RPC as a path. An unknown path is client input and is not repeated.
    fn rpc(&self) -> &'static str {
        let path = self.uri.path();
        match self.protocol {
            Protocol::Grpc | Protocol::GrpcWeb => {
                let method = Rpc::of(path).map(|method| method.path);
                let open = || OPEN_SERVICES.into_iter().find(|prefix| path.starts_with(prefix));
                method.or_else(open).unwrap_or("-")
            }
            Protocol::Rest if is_media(path) => "media",
            Protocol::Rest => self.observer.rest.rpc(&self.method, path).unwrap_or("-"),
        }
    }
}

const fn is_server_fault(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::DataLoss)
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
