//! Decompresses the messages of gRPC requests with `grpc-encoding: gzip`, within the size limit of a message and the bytes
//! that its organization may hold.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::transcode::GunzipError;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

use crate::error::{Error, Kind};
use crate::fair_share::Unprocessed;
use crate::rest::gunzip;

const ENCODING: &str = "grpc-encoding";

/// What precedes a message: whether it is compressed, and its length.
const HEADER: usize = 5;

/// The request with uncompressed messages. A message may have at most that many bytes.
pub fn inflated(mut request: Request<Body>, limit: usize) -> Request<Body> {
    if !is_gzip(request.headers()) {
        return request;
    }
    request.headers_mut().remove(ENCODING);
    let unprocessed = request.extensions().get::<Unprocessed>().cloned();
    let received = BytesMut::new();
    request.map(|body| Body::new(Inflated { body, received, limit, unprocessed, is_at_end: false }))
}

fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(ENCODING).is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

struct Inflated {
    body: Body,
    /// The beginning of the next message.
    received: BytesMut,
    limit: usize,
    /// Counts the messages.
    unprocessed: Option<Unprocessed>,
    /// Nothing more is read: the service rejects the last message, which is too large or incomplete.
    is_at_end: bool,
}

impl Inflated {
    /// The next message as it is without compression; `None` if it is not yet complete.
    fn next_message(&mut self) -> Result<Option<Bytes>, Status> {
        let Some([is_compressed, length @ ..]) = self.received.first_chunk::<HEADER>().copied() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(length) as usize;
        if length > self.limit {
            self.is_at_end = true;
            return Ok(Some(header(length)));
        }
        if self.received.len() < HEADER + length {
            return Ok(None);
        }
        let message = self.received.split_to(HEADER + length).freeze();
        if is_compressed == 0 {
            return Ok(Some(message));
        }
        match gunzip(self.unprocessed.as_ref(), &message[HEADER..], self.limit) {
            Ok(plain) => Ok(Some([header(plain.len()).as_ref(), &plain].concat().into())),
            Err(GunzipError::TooLarge) => {
                self.is_at_end = true;
                Ok(Some(header(self.limit + 1)))
            }
            Err(GunzipError::Invalid) => {
                Err(Error::new(Kind::Invalid, "a message must be gzip, as grpc-encoding says").into())
            }
            Err(GunzipError::Refused(status)) => Err(status),
        }
    }
}

/// The header of an uncompressed message.
fn header(length: usize) -> Bytes {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    Bytes::from([&[0], length.as_slice()].concat())
}

impl HttpBody for Inflated {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if self.is_at_end {
                return Poll::Ready(None);
            }
            if let Some(message) = self.next_message()? {
                return Poll::Ready(Some(Ok(Frame::data(message))));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.received.extend_from_slice(&data),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                // The beginning of a message that the client cut off, which the service rejects.
                None if !self.received.is_empty() => {
                    let rest = self.received.split().freeze();
                    self.is_at_end = true;
                    return Poll::Ready(Some(Ok(Frame::data(rest))));
                }
                end => return Poll::Ready(end),
            }
        }
    }
}
