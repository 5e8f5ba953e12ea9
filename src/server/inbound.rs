//! The endpoint of gateways' webhooks, `/connect/{kind}/{connection id}`, before authentication.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;

use super::types::{Request, Response};
use crate::connect::gateway::InboundRequest;
use crate::connect::inbound::{Inbound, Response as Outcome, Room, Target};
use crate::instant::Instant;

const PREFIX: &str = "/connect/";

/// Responds to requests of gateways, and passes others on.
pub(super) async fn divert(State(inbound): State<Arc<Inbound>>, request: Request, next: Next) -> Response {
    match request.uri().path().strip_prefix(PREFIX).map(str::to_owned) {
        Some(path) => respond(&inbound, &path, request).await,
        None => next.run(request).await,
    }
}

async fn respond(inbound: &Inbound, path: &str, request: Request) -> Response {
    let target = match inbound.target(path).await {
        Ok(target) => target,
        Err(outcome) => return response(outcome),
    };
    if *request.method() != Method::GET && *request.method() != Method::POST {
        let mut response = response(Outcome::Refused(StatusCode::METHOD_NOT_ALLOWED));
        response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("GET, POST"));
        return response;
    }
    match receive(inbound, &target, request).await {
        Ok(outcome) | Err(outcome) => response(outcome),
    }
}

async fn receive(inbound: &Inbound, target: &Target, request: Request) -> Result<Outcome, Outcome> {
    let (parts, body) = request.into_parts();
    let (body, _room) = match parts.method {
        Method::POST => {
            let (body, room) = read(inbound, target, &parts.headers, body).await?;
            (Some(body), Some(room))
        }
        _ => (None, None),
    };
    let request = InboundRequest {
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        at: Instant::now(),
    };
    Ok(inbound.receive(target, &request).await)
}

/// Reads a body. Its bytes take room of the connection and of all connections as they arrive.
async fn read(
    inbound: &Inbound,
    target: &Target,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(Bytes, Room), Outcome> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let mut room = inbound.make_room(target, announced)?;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // The request broke off.
        let frame = frame.map_err(|_| Outcome::Refused(StatusCode::BAD_REQUEST))?;
        if let Ok(data) = frame.into_data() {
            Inbound::extend_room(target, &mut room, data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    Ok((bytes.freeze(), room))
}

fn response(outcome: Outcome) -> Response {
    let (status, body) = match outcome {
        Outcome::Stored => (StatusCode::OK, String::new()),
        Outcome::Challenge(body) => (StatusCode::OK, body),
        Outcome::Refused(status) | Outcome::Later(status) => (status, String::new()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
