//! Drains the body of a request whose response came before all of it was read.
//!
//! A connection that closes on unread bytes loses the response: the client, still writing, sees it break instead.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;

use crate::server::types::Request;

/// The most that is drained, in bytes, and for how long.
const MAX_BYTES: usize = 16 << 20;
const MAX_TIME: Duration = Duration::from_secs(5);

/// The request with a body that is drained when it is dropped unread.
pub(super) fn drained(request: http::Request<Incoming>) -> Request {
    if request.body().is_end_stream() {
        return request.map(Body::new);
    }
    let is_sent = !expects_continue(request.headers());
    request.map(|body| Body::new(DrainedBody { body: Some(body), is_sent }))
}

/// Whether the client waits for `100 Continue`, which reading the body causes.
fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

struct DrainedBody {
    /// `None` when it has been read.
    body: Option<Incoming>,
    /// Whether the client sends the body, as far as known.
    is_sent: bool,
}

impl HttpBody for DrainedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_sent = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.is_sent && !body.is_end_stream()) else {
            return;
        };
        // Without a runtime the process is ending.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(MAX_TIME, drain(body)));
        }
    }
}

/// Reads frame by frame and keeps nothing.
async fn drain(mut body: Incoming) {
    let mut left = MAX_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(fewer) => left = fewer,
            None => return,
        }
    }
}
