//! The layers that every request passes, whatever its protocol.

mod admission;
mod complete;
mod cors;
mod deadline;
mod observe;
mod rate_limit;
mod refusals;
mod request_id;
mod stream_end;

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ::transcode::Transcoder;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};

use self::admission::Admission;
use self::cors::Cors;
use self::observe::Observer;
use self::rate_limit::RateLimiters;
use super::inbound;
use super::protocols::protocol::Protocol;
use super::protocols::{is_probe, without_trailing_slash};
use super::types::{REQUEST_ID, Rejection, Request, Response, Stack};
use crate::auth::{self, Authenticator};
use crate::caller::Identity;
use crate::config::Config;
use crate::connect::inbound::Inbound;
use crate::deadline as deadlines;
use crate::error::{Error, Kind};
use crate::rest;

/// The service behind its layers, outermost first.
pub fn stack<S>(
    service: S,
    rest: Transcoder,
    authenticator: Arc<Authenticator>,
    inbound: Arc<Inbound>,
    config: &Config,
) -> Stack
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let layers = ServiceBuilder::new()
        // First, so that every response has an id. An id that could forge a log line is replaced.
        .map_request(request_id::remove_unsafe)
        .map_request(without_trailing_slash)
        .layer(SetRequestIdLayer::new(REQUEST_ID, request_id::Random))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        // Around everything that can respond: preflights and rejections are logged and counted, too.
        .layer(from_fn_with_state(Observer::new(rest.clone()), observe::observe))
        // Before anything that may reject: a page can read an error only if the headers allow it. And before
        // authentication: browsers send preflights without a token.
        .layer(from_fn_with_state(Cors::new(&config.cors_allowed_origins), cors::cors))
        // Around every layer that rejects.
        .layer(from_fn_with_state(rest.clone(), write_rejection))
        // Around everything that waits, authentication included.
        .layer(from_fn_with_state(config.request_timeout, apply_deadline))
        .layer(CatchPanicLayer::custom(panic_response))
        // Before authentication: gateways sign their requests. They have limits of their own.
        .layer(from_fn_with_state(inbound, inbound::divert))
        // Labels the request only. Each protocol checks the label before it decodes the body.
        .layer(from_fn_with_state(authenticator, authenticate))
        // Both need the caller. Rates come first: a request above its rate is rejected before its body is read.
        .layer(from_fn_with_state(Arc::new(RateLimiters::new(config.rate_limits)), limit_rate))
        .layer(from_fn_with_state(Admission::new(config, rest), admission::admit));
    Stack::new(layers.service(service))
}

/// Writes a rejection of the layers below as an error of the request's protocol.
async fn write_rejection(State(rest): State<Transcoder>, request: Request, next: Next) -> Response {
    let protocol = Protocol::of(&request);
    // Cheap: both share the request's memory.
    let (uri, request_id) = (request.uri().clone(), request.headers().get(REQUEST_ID).cloned());
    let mut response = next.run(request).await;
    let Some(error) = Rejection::take(&mut response) else { return response };
    let mut written = protocol
        .error(error, |error| rest.error_response(uri.path(), &rest::describe(error), request_id.as_ref()));
    written.headers_mut().extend(std::mem::take(response.headers_mut()));
    written
}

/// Responds by the deadline of the server or of the client, whichever is earlier.
async fn apply_deadline(
    State(timeout): State<Duration>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    let limits = deadline::of(request.headers(), timeout);
    let response = deadlines::by(limits, next.run(request));
    let response = tokio::time::timeout_at(limits.answer.into(), response).await;
    response.map_err(|_| Rejection(Error::new(Kind::DeadlineExceeded, deadlines::EXCEEDED)))
}

/// The response to a request whose handler panicked.
/// Shared state survives: it is behind locks and channels.
fn panic_response(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Rejection(Error::internal(format!("panic: {}", message.unwrap_or("no message")))).into_response()
}

/// Labels the request with its caller.
async fn authenticate(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    auth::label(authenticator, &mut request).await;
    next.run(request).await
}

/// Rejects requests above the rate of their api-key, member or organization.
async fn limit_rate(State(limiters): State<Arc<RateLimiters>>, request: Request, next: Next) -> Response {
    let caller = match request.extensions().get::<Identity>() {
        Some(Identity::Known(caller)) if !is_probe(request.uri().path()) => caller,
        _ => return next.run(request).await,
    };
    let (protocol, outcome) = (Protocol::of(&request), limiters.check(caller));
    let mut response = match &outcome {
        Ok(_) => next.run(request).await,
        Err(refusal) => refusal.rejection().into_response(),
    };
    rate_limit::write_headers(&outcome, protocol, response.headers_mut());
    response
}

#[cfg(test)]
mod tests;
