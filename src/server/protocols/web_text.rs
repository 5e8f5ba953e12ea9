//! gRPC-Web requests in base64, of which clients send several pieces, each with its own padding.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body::{Body as HttpBody, Frame};

use crate::server::types::Request;

/// Characters that stand for up to three bytes. Padding ends such a group.
const GROUP: usize = 4;

/// The request in the binary format. The response is in the format that `accept` selects, whatever that of the request.
pub fn decoded(mut request: Request) -> Request {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !content_type.starts_with(b"application/grpc-web-text") {
        return request;
    }
    let binary = HeaderValue::from_static("application/grpc-web+proto");
    request.headers_mut().insert(CONTENT_TYPE, binary);
    request.map(|body| Body::new(Decoded { body, text: BytesMut::new() }))
}

struct Decoded {
    body: Body,
    /// The beginning of a group.
    text: BytesMut,
}

impl Decoded {
    /// Decodes the complete groups.
    fn decode(&mut self) -> Result<Bytes, base64::DecodeError> {
        let whole = self.text.len() / GROUP * GROUP;
        let mut bytes = Vec::with_capacity(whole);
        for group in self.text.split_to(whole).chunks(GROUP) {
            STANDARD.decode_vec(group, &mut bytes)?;
        }
        Ok(bytes.into())
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            None if !self.text.is_empty() => {
                self.text.clear();
                let error = axum::Error::new(base64::DecodeError::InvalidLength(GROUP));
                return Poll::Ready(Some(Err(error)));
            }
            end => return Poll::Ready(end),
        };
        let frame = match frame.into_data() {
            Ok(data) => {
                self.text.extend_from_slice(&data);
                self.decode().map(Frame::data).map_err(axum::Error::new)
            }
            Err(trailers) => Ok(trailers),
        };
        Poll::Ready(Some(frame))
    }
}
