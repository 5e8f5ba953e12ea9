//! Answers that are streams: an item a line (NDJSON), or server-sent events for those who accept them. An error after the
//! beginning is one last item. A client that goes away drops the stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Code, Status};

use crate::dialect::Dialect;
use crate::options::Options;
use crate::response;

/// The header in which a client of server-sent events says which one it saw last.
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

/// Where a stream is taken up again: a text of each item, that a later request may begin with.
#[derive(Debug)]
pub struct Resume<Req, Rep> {
    /// The item's.
    pub token: fn(&Rep) -> &str,
    /// Begins the request there.
    pub begin: fn(&mut Req, String),
}

/// The status with which a stream ended. In the extensions of its response.
#[derive(Clone, Debug, Default)]
pub struct StreamStatus(Arc<OnceLock<Code>>);

impl StreamStatus {
    /// The gRPC code; `None` while the stream is open.
    pub fn code(&self) -> Option<Code> {
        self.0.get().copied()
    }

    fn set(&self, code: Code) {
        // The first one counts.
        let _ = self.0.set(code);
    }
}

/// How items follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Lines,
    Events,
}

impl Shape {
    /// Events for those who name them and name lines with no greater weight (RFC 9110); lines for everyone else.
    fn of(headers: &HeaderMap) -> Self {
        let (events, lines) = (weight(headers, "text/event-stream"), weight(headers, "application/x-ndjson"));
        if events > 0.0 && events >= lines { Self::Events } else { Self::Lines }
    }

    const fn content_type(self) -> HeaderValue {
        match self {
            Self::Lines => HeaderValue::from_static("application/x-ndjson"),
            Self::Events => HeaderValue::from_static("text/event-stream"),
        }
    }

    /// An item on its own. JSON is one line, and a token has no line breaks.
    fn frame(self, token: Option<&str>, name: Option<&str>, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut frame = Vec::with_capacity(512);
        if self == Self::Events {
            for (field, value) in [("event", name), ("id", token)] {
                if let Some(value) = value {
                    frame.extend_from_slice(format!("{field}: {value}\n").as_bytes());
                }
            }
            frame.extend_from_slice(b"data: ");
        }
        write(&mut frame);
        frame.extend_from_slice(if self == Self::Events { b"\n\n" } else { b"\n" });
        frame.into()
    }
}

/// The weight with which the headers accept the type by its name, from 0 to 1; 0 when they do not.
fn weight(headers: &HeaderMap, kind: &str) -> f32 {
    let lists = headers.get_all(ACCEPT).into_iter().filter_map(|list| list.to_str().ok());
    let weights = lists.flat_map(|list| list.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(kind));
        let mut weights =
            parts.filter_map(|part| part.split_once('=').filter(|(name, _)| matches!(*name, "q" | "Q")));
        // One that is no number counts as none.
        let weight = weights.next().and_then(|(_, weight)| weight.parse().ok()).unwrap_or(1.0);
        is_named.then_some(weight)
    });
    weights.fold(0.0, f32::max)
}

/// How the items of a route are written.
pub(crate) struct Writing<Rep> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) options: Options,
    pub(crate) status: StatusCode,
    pub(crate) item: fn(&Rep, &mut Vec<u8>),
    pub(crate) token: Option<fn(&Rep) -> &str>,
}

/// The answer that goes on as long as the stream does.
pub(crate) fn response<Rep, S>(request: &HeaderMap, writing: Writing<Rep>, stream: S) -> Response<Body>
where
    Rep: Send + 'static,
    S: Stream<Item = Result<Rep, Status>> + Send + 'static,
{
    let shape = Shape::of(request);
    let request_id = request.get(response::REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let status = writing.status;
    let end = StreamStatus::default();
    let items = Items { stream: Some(Box::pin(stream)), writing, shape, request_id, end: end.clone() };
    let mut response = Response::new(Body::new(items));
    *response.status_mut() = status;
    response.extensions_mut().insert(end);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, shape.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep items back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Items<Rep, S> {
    /// Nothing after its end.
    stream: Option<Pin<Box<S>>>,
    writing: Writing<Rep>,
    shape: Shape,
    request_id: Option<String>,
    end: StreamStatus,
}

impl<Rep, S> HttpBody for Items<Rep, S>
where
    Rep: Send + 'static,
    S: Stream<Item = Result<Rep, Status>> + Send + 'static,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let item = ready!(stream.as_mut().poll_next(context));
        let code = match &item {
            Some(Ok(_)) => None,
            Some(Err(status)) => Some(status.code()),
            None => Some(Code::Ok),
        };
        if let Some(code) = code {
            self.stream = None;
            self.end.set(code);
        }
        let Writing { dialect, options, item: write, token, .. } = self.writing;
        let frame = item.map(|item| match item {
            Ok(item) => self.shape.frame(token.map(|token| token(&item)), None, |out| write(&item, out)),
            Err(status) => {
                let error = (options.describe_error)(&status);
                let body = dialect.error_body(&error, self.request_id.as_deref());
                self.shape.frame(None, Some("error"), |out| out.extend(body))
            }
        });
        Poll::Ready(frame.map(|frame| Ok(Frame::data(frame))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_sent_events_are_for_those_who_accept_them() {
        for (accept, expected) in [
            ("", Shape::Lines),
            ("*/*", Shape::Lines),
            ("application/x-ndjson", Shape::Lines),
            ("text/event-stream", Shape::Events),
            ("application/json, Text/Event-Stream;q=0.5", Shape::Events),
            ("text/event-stream;q=0", Shape::Lines),
            ("text/event-stream;q=0.1, application/x-ndjson", Shape::Lines),
            ("application/x-ndjson;q=0.5, text/event-stream; q=0.9", Shape::Events),
            ("text/event-stream, application/x-ndjson", Shape::Events),
            ("text/event-stream;q=0.1, */*", Shape::Events),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(Shape::of(&headers), expected, "{accept}");
        }
    }

    #[test]
    fn an_item_is_a_line_or_an_event_with_its_id() {
        let write = |out: &mut Vec<u8>| out.extend_from_slice(b"{}");
        assert_eq!(Shape::Lines.frame(Some("t"), None, write), "{}\n");
        assert_eq!(Shape::Events.frame(Some("t"), None, write), "id: t\ndata: {}\n\n");
        assert_eq!(Shape::Events.frame(None, Some("error"), write), "event: error\ndata: {}\n\n");
    }
}
