//! The gRPC code that a streaming response ends with, whatever its protocol.
//!
//! gRPC sends it in trailers, gRPC-Web in a last frame that holds them, REST in its last item, which the transcoder reports.
//! A stream without it was cancelled by the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Code;

use crate::server::types::Response;
use ::transcode::StreamStatus;

const STATUS: &str = "grpc-status";

/// The first byte of gRPC-Web's trailers frame; the length follows it.
const TRAILERS: &[u8] = &[0x80];
const LENGTH_BYTES: usize = 4;

/// Calls `end` with the stream's code when the response's body is dropped.
pub fn on_end(response: Response, end: impl FnOnce(Code) + Send + Unpin + 'static) -> Response {
    let ending = response.extensions().get::<StreamStatus>().cloned();
    response.map(|body| Body::new(Observed { body, code: None, ending, end: Some(end) }))
}

struct Observed<F: FnOnce(Code)> {
    body: Body,
    code: Option<Code>,
    ending: Option<StreamStatus>,
    end: Option<F>,
}

impl<F: FnOnce(Code) + Unpin> HttpBody for Observed<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(code) = code_in(frame)
        {
            self.code = Some(code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(Code)> Drop for Observed<F> {
    fn drop(&mut self) {
        let code = self.code.or_else(|| self.ending.as_ref().and_then(StreamStatus::code));
        if let Some(end) = self.end.take() {
            end(code.unwrap_or(Code::Cancelled));
        }
    }
}

/// The status in trailers, or in a frame that holds them.
fn code_in(frame: &Frame<Bytes>) -> Option<Code> {
    if let Some(trailers) = frame.trailers_ref() {
        return trailers.get(STATUS).map(|code| Code::from_bytes(code.as_bytes()));
    }
    let data = frame.data_ref()?;
    match data.first()? {
        0x80 => code_in_trailers(data),
        // The same in Base64. A message begins with another letter.
        b'g' => code_in_trailers(&STANDARD.decode(data).ok()?),
        _ => None,
    }
}

fn code_in_trailers(frame: &[u8]) -> Option<Code> {
    let lines = frame.strip_prefix(TRAILERS)?.get(LENGTH_BYTES..)?.split(|byte| *byte == b'\n');
    let mut values = lines.filter_map(|line| line.strip_prefix(STATUS.as_bytes())?.strip_prefix(b":"));
    values.next().map(|code| Code::from_bytes(code.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn code_is_found_in_the_end_of_each_protocol() {
        let mut trailers = HeaderMap::new();
        trailers.insert(STATUS, 3.into());
        assert_eq!(code_in(&Frame::trailers(trailers)), Some(Code::InvalidArgument));
        let web = b"\x80\0\0\0\x25grpc-message:no\r\ngrpc-status:14\r\n";
        assert_eq!(code_in(&Frame::data(Bytes::from_static(web))), Some(Code::Unavailable));
        let text = Bytes::from(STANDARD.encode(web));
        assert_eq!(code_in(&Frame::data(text)), Some(Code::Unavailable));
    }

    #[test]
    fn messages_before_the_end_have_no_code() {
        for data in ["\0\0\0\0\x02ab", "{\"change\":null}\n", "gentle", ""] {
            assert_eq!(code_in(&Frame::data(Bytes::from_static(data.as_bytes()))), None, "{data:?}");
        }
    }
}
