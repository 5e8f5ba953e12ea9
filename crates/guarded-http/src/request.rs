//! A request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Body, Frame, SizeHint};

use crate::multipart::Multipart;

/// A request.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Chunks,
    pub(crate) timeout: Option<Duration>,
}

impl HttpRequest {
    /// A request without a body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Chunks::default());
        Self { method, url: url.into(), headers, body, timeout: None }
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Chunks([body.into()].into());
        self
    }

    /// Sets the body to this JSON text.
    pub fn json(self, text: impl Into<Bytes>) -> Self {
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(text)
    }

    /// Sets the body to a form with files.
    pub fn multipart(mut self, form: Multipart) -> Self {
        let (content_type, chunks) = form.finish();
        self.body = Chunks(chunks.into());
        self.header(CONTENT_TYPE, content_type)
    }

    /// Limits this request, its response's body included, in place of the client's limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// A body in pieces, which are not copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|chunk| chunk.len() as u64).sum())
    }
}
