//! Gives every request its id and, when it is answered, one line in the log: which RPC, through which door, how it ended
//! and how long it took. No query, no path of REST (it holds phone numbers), nothing anybody wrote.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use tonic::{Code, GrpcMethod, Status};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use super::door::Door;
use super::{BoxFuture, Request, Response, request_id};
use crate::telemetry::causes;

/// Observes every request.
#[derive(Clone, Copy)]
pub struct ObserveLayer;

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner }
    }
}

/// A service behind [`ObserveLayer`].
#[derive(Clone)]
pub struct Observe<S> {
    inner: S,
}

impl<S> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future = BoxFuture>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> BoxFuture {
        let id = request_id::ensure(request.headers_mut());
        let door = Door::of(&request);
        let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
        let grpc_path = (door != Door::Rest).then(|| request.uri().clone());
        let begun = Instant::now();
        let answer = span.in_scope(|| self.inner.call(request));
        let observed = async move {
            let Ok(mut response) = answer.await;
            response.headers_mut().insert(request_id::HEADER, id);
            log(door, grpc_path.as_ref(), &response, begun.elapsed());
            Ok(response)
        };
        instrumented(observed, span)
    }
}

fn instrumented(
    future: impl Future<Output = Result<Response, Infallible>> + Send + 'static,
    span: Span,
) -> BoxFuture {
    if span.is_disabled() { Box::pin(future) } else { Box::pin(future.instrument(span)) }
}

fn log(door: Door, grpc_path: Option<&Uri>, response: &Response, took: Duration) {
    let failure = response.extensions().get::<Status>();
    let rpc = rpc(grpc_path, response, failure);
    let status = match door {
        Door::Rest => i32::from(response.status().as_u16()),
        Door::Grpc | Door::GrpcWeb => failure.map_or(Code::Ok, Status::code) as i32,
    };
    let (door, ms) = (door.name(), took.as_micros() as f64 / 1000.0);
    let Some(failure) = failure else {
        return tracing::info!(rpc, door, status, ms, "answered");
    };
    let code = failure.code();
    match code {
        Code::Internal | Code::Unknown | Code::DataLoss => {
            tracing::error!(rpc, door, status, ms, ?code, error = hidden_causes(failure), "failed");
        }
        Code::Unavailable | Code::DeadlineExceeded => {
            tracing::warn!(rpc, door, status, ms, ?code, error = hidden_causes(failure), "failed");
        }
        _ => tracing::info!(rpc, door, status, ms, ?code, "refused"),
    }
}

/// The RPC that was called, as a path. A gRPC path that names none is the caller's own words and is not repeated.
fn rpc<'a>(grpc_path: Option<&'a Uri>, response: &'a Response, failure: Option<&Status>) -> &'a str {
    match grpc_path {
        Some(path) if failure.is_none_or(|status| status.code() != Code::Unimplemented) => path.path(),
        Some(_) => "-",
        None => response.extensions().get::<GrpcMethod<'static>>().map_or("-", |method| method.method()),
    }
}

/// What is behind a failure. The status itself only repeats what the caller was told.
fn hidden_causes(status: &Status) -> String {
    causes(status.source().unwrap_or(status))
}
