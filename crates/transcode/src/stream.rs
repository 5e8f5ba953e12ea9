//! Responses that are streams: newline-delimited JSON, or server-sent events.
//!
//! An error after the first item is one last item. The stream is dropped when the client disconnects.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode, request};
use http_body::{Body as HttpBody, Frame};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Code, Status};

use crate::dialect::Dialect;
use crate::error::ErrorInfo;
use crate::options::Options;
use crate::reply::Respond;
use crate::response;

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

/// The media type of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ndjson,
    ServerSentEvents,
}

impl Format {
    /// The format that `Accept` selects (RFC 9110).
    /// Server-sent events if they are named with no smaller weight than NDJSON, else NDJSON.
    fn negotiate(headers: &HeaderMap) -> Self {
        let (events, lines) = (weight(headers, "text/event-stream"), weight(headers, "application/x-ndjson"));
        if events > 0.0 && events >= lines { Self::ServerSentEvents } else { Self::Ndjson }
    }

    const fn content_type(self) -> HeaderValue {
        match self {
            Self::Ndjson => HeaderValue::from_static("application/x-ndjson"),
            Self::ServerSentEvents => HeaderValue::from_static("text/event-stream"),
        }
    }

    /// A single item. Its JSON and its token have no line breaks.
    fn frame(self, token: Option<&str>, name: Option<&str>, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut frame = Vec::with_capacity(512);
        if self == Self::ServerSentEvents {
            for (field, value) in [("event", name), ("id", token)] {
                if let Some(value) = value {
                    frame.extend_from_slice(format!("{field}: {value}\n").as_bytes());
                }
            }
            frame.extend_from_slice(b"data: ");
        }
        write(&mut frame);
        frame.extend_from_slice(if self == Self::ServerSentEvents { b"\n\n" } else { b"\n" });
        frame.into()
    }
}

/// The weight of a media type in `Accept`, from 0 to 1; 0 where it is not named.
fn weight(headers: &HeaderMap, media_type: &str) -> f32 {
    let lists = headers.get_all(ACCEPT).into_iter().filter_map(|list| list.to_str().ok());
    let weights = lists.flat_map(|list| list.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // An invalid weight counts as absent.
        is_named.then(|| weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0))
    });
    weights.fold(0.0, f32::max)
}

/// Writes the replies of a stream.
pub(crate) struct StreamReply<Rep> {
    pub(crate) dialect: &'static Dialect,
    pub(crate) status: StatusCode,
    pub(crate) write: Option<fn(&Rep, &mut Vec<u8>)>,
    pub(crate) token: Option<fn(&Rep) -> &str>,
}

impl<Rep, S> Respond<Option<S>> for StreamReply<Rep>
where
    Rep: Send + 'static,
    S: Stream<Item = Result<Rep, Status>> + Send + 'static,
{
    fn respond(
        &self,
        request: &request::Parts,
        options: Options,
        reply: &mut tonic::Response<Option<S>>,
    ) -> Response<Body> {
        let Self { dialect, status, write, token } = *self;
        let format = Format::negotiate(&request.headers);
        let end = StreamStatus::default();
        let items = Items {
            stream: reply.get_mut().take().map(Box::pin),
            format,
            dialect,
            write: write.unwrap_or(|_, _| {}),
            token,
            describe_error: options.describe_error,
            request_id: request.headers.get(response::REQUEST_ID).cloned(),
            end: end.clone(),
        };
        let mut response = Response::new(Body::new(items));
        *response.status_mut() = status;
        response.extensions_mut().insert(end);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, format.content_type());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("accept"));
        // Without it, nginx holds items back until its buffer is full.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        let metadata = std::mem::take(reply.metadata_mut()).into_headers();
        response::move_headers(metadata, options.response_headers, &mut response);
        response
    }
}

/// The body of a stream.
struct Items<Rep, S> {
    /// `None` after the end.
    stream: Option<Pin<Box<S>>>,
    format: Format,
    dialect: &'static Dialect,
    write: fn(&Rep, &mut Vec<u8>),
    token: Option<fn(&Rep) -> &str>,
    describe_error: fn(&Status) -> ErrorInfo,
    request_id: Option<HeaderValue>,
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
        let end = match &item {
            Some(Ok(_)) => None,
            Some(Err(status)) => Some(status.code()),
            None => Some(Code::Ok),
        };
        if let Some(code) = end {
            self.stream = None;
            self.end.set(code);
        }
        let Self { format, dialect, write, token, .. } = *self;
        let frame = item.map(|item| match item {
            Ok(item) => format.frame(token.map(|token| token(&item)), None, |out| write(&item, out)),
            Err(status) => {
                let request_id = self.request_id.as_ref().and_then(|id| id.to_str().ok());
                let body = dialect.error_body(&(self.describe_error)(&status), request_id);
                format.frame(None, Some("error"), |out| out.extend(body))
            }
        });
        Poll::Ready(frame.map(|frame| Ok(Frame::data(frame))))
    }
}
