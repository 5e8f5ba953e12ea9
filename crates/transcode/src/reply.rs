//! Responses from replies of unary calls.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::header::ETAG;
use http::{Method, Response, StatusCode, request};

use crate::options::Options;
use crate::response;

/// Makes the response from a call's reply.
pub(crate) trait Respond<T>: Send + Sync {
    fn respond(
        &self,
        request: &request::Parts,
        options: Options,
        reply: &mut tonic::Response<T>,
    ) -> Response<Body>;
}

/// Bounds of the initial capacity of a body's buffer, in bytes.
/// Between them, it is the size of the previous body.
const MIN_CAPACITY: usize = 256;
const MAX_CAPACITY: usize = 16 * 1024;

/// Writes a single reply.
pub(crate) struct UnaryReply<Rep> {
    status: StatusCode,
    write: Option<fn(&Rep, &mut Vec<u8>)>,
    capacity: AtomicUsize,
}

impl<Rep> UnaryReply<Rep> {
    pub(crate) fn new(status: StatusCode, write: Option<fn(&Rep, &mut Vec<u8>)>) -> Self {
        Self { status, write, capacity: AtomicUsize::new(MIN_CAPACITY) }
    }
}

impl<Rep> Respond<Rep> for UnaryReply<Rep> {
    fn respond(
        &self,
        request: &request::Parts,
        options: Options,
        reply: &mut tonic::Response<Rep>,
    ) -> Response<Body> {
        let headers = std::mem::take(reply.metadata_mut()).into_headers();
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        let etag = headers.get(ETAG).filter(|_| is_read);
        let not_modified = etag.is_some_and(|etag| response::is_not_modified(&request.headers, etag));
        let mut response = match self.write {
            _ if not_modified => response::empty(StatusCode::NOT_MODIFIED),
            None => response::empty(self.status),
            Some(write) => {
                let mut body = Vec::with_capacity(self.capacity.load(Ordering::Relaxed));
                write(reply.get_ref(), &mut body);
                self.capacity.store(body.len().clamp(MIN_CAPACITY, MAX_CAPACITY), Ordering::Relaxed);
                response::json(self.status, body)
            }
        };
        response::move_headers(headers, options.response_headers, &mut response);
        *response.extensions_mut() = std::mem::take(reply.extensions_mut());
        response
    }
}
