//! Bodies of requests: pieces in memory, and pieces that are read while they are sent.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use futures_util::{Stream, TryStreamExt};
use http_body::{Body, Frame, SizeHint};

/// A body in pieces, whose size is known before it is sent. What is in memory is not copied.
#[derive(Debug, Default)]
pub struct RequestBody(VecDeque<Piece>);

enum Piece {
    Bytes(Bytes),
    Stream { left: u64, bytes: Mutex<BoxStream<'static, Result<Bytes, Unreadable>>> },
}

/// A stream of a body failed, or has another size than named.
#[derive(Debug)]
pub struct Unreadable(Box<dyn StdError + Send + Sync>);

impl RequestBody {
    /// Adds bytes.
    pub fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push_back(Piece::Bytes(bytes.into()));
        self
    }

    /// Adds `size` bytes of a stream, which is read while it is sent.
    pub fn stream<E>(
        mut self,
        size: u64,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let bytes = Mutex::new(bytes.map_err(|error| Unreadable(error.into())).boxed());
        self.0.push_back(Piece::Stream { left: size, bytes });
        self
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Unreadable;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unreadable>>> {
        while let Some(piece) = self.0.front_mut() {
            match piece {
                Piece::Stream { left: 0, .. } => drop(self.0.pop_front()),
                Piece::Stream { left, bytes } => {
                    let bytes = bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let next = ready!(bytes.poll_next_unpin(context)).transpose()?;
                    let next = next.filter(|next| next.len() as u64 <= *left);
                    let next = next.ok_or_else(|| Unreadable("it has another size than named".into()))?;
                    *left -= next.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(next))));
                }
                Piece::Bytes(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.0.pop_front();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.size() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size())
    }
}

impl RequestBody {
    fn size(&self) -> u64 {
        let size = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Stream { left, .. } => *left,
        };
        self.0.iter().map(size).sum()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream { left, .. } => write!(f, "a stream of {left} bytes"),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body of the request cannot be read: {}", self.0)
    }
}

impl StdError for Unreadable {}
