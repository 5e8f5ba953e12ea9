//! Bodies of requests and responses: complete ones in memory, and streams whose bytes are counted.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tonic::Status;

use crate::error::Error;
use crate::fair_share::{Exhausted, Resource, Unprocessed, refusal};
use crate::server::types::{Rejection, Request};

/// A gRPC-Web body is longer than its message, by a third at most; framing adds a few bytes.
const fn longest_body(max_message: usize) -> usize {
    max_message.saturating_add(max_message / 2).saturating_add(1024)
}

/// Reads the body; `grow` counts its bytes as they arrive.
///
/// Of a body that its service rejects for its size, no more is read than shows that.
pub async fn request(
    request: Request,
    max_message: usize,
    mut grow: impl FnMut(usize) -> Result<(), Exhausted>,
) -> Result<Request, Exhausted> {
    let (longest, (parts, mut body)) = (longest_body(max_message), request.into_parts());
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if body.is_end_stream() || length.is_some_and(|length: usize| length > longest) {
        return Ok(Request::from_parts(parts, body));
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(_trailers)) => continue,
            Err(error) => {
                let cut_off = stream::iter([Ok(bytes.freeze()), Err(error)]);
                return Ok(Request::from_parts(parts, Body::from_stream(cut_off)));
            }
        };
        grow(data.len())?;
        bytes.extend_from_slice(&data);
        if bytes.len() > longest {
            break;
        }
    }
    Ok(Request::from_parts(parts, Body::new(Full::from(bytes.freeze()))))
}

/// The request with a body that counts its bytes when they are received. Its service counts them when they are processed,
/// with the [`Unprocessed`] in the extensions.
pub fn counted_stream(mut request: Request, unprocessed: Unprocessed) -> Request {
    request.extensions_mut().insert(unprocessed.clone());
    request.map(|body| {
        let counted = body.into_data_stream().map(move |data| {
            let data = data.map_err(Box::<dyn StdError + Send + Sync>::from)?;
            let received = unprocessed.received(data.len());
            received.map_err(|exhausted| Status::from(refusal(exhausted, Resource::Bytes)))?;
            Ok::<_, Box<dyn StdError + Send + Sync>>(data)
        });
        Body::from_stream(counted)
    })
}

/// A body in memory.
pub struct CompleteBody {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Reads the body of the response to a call that is no stream: the service produces it without waiting.
pub async fn response(response: Response<Body>) -> Result<Response<CompleteBody>, Rejection> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.map_err(|error| Rejection(Error::internal(error)))?;
    let trailers = collected.trailers().cloned();
    let data = Some(collected.to_bytes()).filter(|data| !data.is_empty());
    Ok(Response::from_parts(parts, CompleteBody { data, trailers }))
}

/// Bytes that count until the connection has written them.
struct Counted {
    data: Bytes,
    _bytes: Unprocessed,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl CompleteBody {
    /// The length of the data.
    pub fn size(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len)
    }

    /// The body, which counts until its data is written.
    pub fn counted(self, bytes: Unprocessed) -> Body {
        let data = self.data.map(|data| Bytes::from_owner(Counted { data, _bytes: bytes }));
        Body::new(Self { data, ..self })
    }
}

impl HttpBody for CompleteBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.trailers {
            None => SizeHint::with_exact(self.size() as u64),
            // hyper would announce a length, which gRPC does not expect beside trailers.
            Some(_) => SizeHint::default(),
        }
    }
}
