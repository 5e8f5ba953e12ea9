//! A response, whose body is read up to a limit.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use http::{HeaderMap, StatusCode};

use crate::error::HttpError;

/// A response whose body is not read yet.
#[derive(Debug)]
pub struct HttpResponse(pub(crate) reqwest::Response);

impl HttpResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Size of the body in bytes, if the response names it.
    pub fn content_length(&self) -> Option<u64> {
        self.0.content_length()
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// It has more than `max` bytes, or the connection fails.
    pub async fn bytes(mut self, max: usize) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.0.chunk().await? {
            if body.len() + chunk.len() > max {
                return Err(HttpError::TooLarge(max as u64));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The body in pieces. Fails before it yields more than `max` bytes, and when a piece takes longer than `idle`.
    pub fn stream(self, max: u64, idle: Duration) -> impl Stream<Item = Result<Bytes, HttpError>> + Send {
        let named = self.content_length();
        try_unfold((self.0, max), move |(mut response, left)| async move {
            if named.is_some_and(|size| size > max) {
                return Err(HttpError::TooLarge(max));
            }
            let chunk = tokio::time::timeout(idle, response.chunk()).await;
            match chunk.map_err(|_| HttpError::Timeout)?? {
                None => Ok(None),
                Some(chunk) => match left.checked_sub(chunk.len() as u64) {
                    Some(left) => Ok(Some((chunk, (response, left)))),
                    None => Err(HttpError::TooLarge(max)),
                },
            }
        })
    }

    /// Reads and drops up to `max` bytes of the body within that time, so that the connection is used again.
    pub async fn discard(self, max: usize, time: Duration) {
        // A connection with an unread response is closed.
        let _ = tokio::time::timeout(time, self.bytes(max)).await;
    }
}
