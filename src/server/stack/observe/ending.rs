//! How a stream ended. gRPC says it in trailers, gRPC-Web in a last frame that holds them, and REST in its last item, of which
//! the transcoder tells. Where nothing said it, the client went away.

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

/// The first byte of the frame that holds gRPC-Web's trailers, and the length after it.
const TRAILERS: &[u8] = &[0x80];
const LENGTH_BYTES: usize = 4;

/// A stream's body, until it has ended.
pub(super) struct Watched<F: FnOnce(Code)> {
    body: Body,
    said: Option<Code>,
    ending: Option<StreamStatus>,
    end: Option<F>,
}

impl<F: FnOnce(Code) + Send + Unpin + 'static> Watched<F> {
    /// The same response, which tells `end` how it ended once it is over.
    pub(super) fn until_its_end(response: Response, end: F) -> Response {
        let ending = response.extensions().get::<StreamStatus>().cloned();
        response.map(|body| Body::new(Self { body, said: None, ending, end: Some(end) }))
    }
}

impl<F: FnOnce(Code) + Unpin> HttpBody for Watched<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(code) = said_by(frame)
        {
            self.said = Some(code);
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

impl<F: FnOnce(Code)> Drop for Watched<F> {
    fn drop(&mut self) {
        let said = self.said.or_else(|| self.ending.as_ref().and_then(StreamStatus::code));
        if let Some(end) = self.end.take() {
            end(said.unwrap_or(Code::Cancelled));
        }
    }
}

/// The status in trailers, or in what is in their place.
fn said_by(frame: &Frame<Bytes>) -> Option<Code> {
    if let Some(trailers) = frame.trailers_ref() {
        return trailers.get(STATUS).map(|code| Code::from_bytes(code.as_bytes()));
    }
    let data = frame.data_ref()?;
    match data.first()? {
        0x80 => in_trailers(data),
        // The same in Base64. A message begins with another letter.
        b'g' => in_trailers(&STANDARD.decode(data).ok()?),
        _ => None,
    }
}

fn in_trailers(frame: &[u8]) -> Option<Code> {
    let lines = frame.strip_prefix(TRAILERS)?.get(LENGTH_BYTES..)?.split(|byte| *byte == b'\n');
    let mut values = lines.filter_map(|line| line.strip_prefix(STATUS.as_bytes())?.strip_prefix(b":"));
    values.next().map(|code| Code::from_bytes(code.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn each_door_says_how_a_stream_ended() {
        let mut trailers = HeaderMap::new();
        trailers.insert(STATUS, 3.into());
        assert_eq!(said_by(&Frame::trailers(trailers)), Some(Code::InvalidArgument));
        let web = b"\x80\0\0\0\x25grpc-message:no\r\ngrpc-status:14\r\n";
        assert_eq!(said_by(&Frame::data(Bytes::from_static(web))), Some(Code::Unavailable));
        let text = Bytes::from(STANDARD.encode(web));
        assert_eq!(said_by(&Frame::data(text)), Some(Code::Unavailable));
    }

    #[test]
    fn what_is_said_before_the_end_says_nothing_of_it() {
        for data in ["\0\0\0\0\x02ab", "{\"change\":null}\n", "gentle", ""] {
            assert_eq!(said_by(&Frame::data(Bytes::from_static(data.as_bytes()))), None, "{data:?}");
        }
    }
}
