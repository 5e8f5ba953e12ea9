//! Settings of a transcoder.

use std::io;

use http::HeaderName;
use tonic::Status;

use crate::error::ErrorInfo;

/// Decompresses a body; `None` if the result is longer than the limit. An error if the body is not gzip.
pub type Gunzip = fn(&[u8], usize) -> io::Result<Option<Vec<u8>>>;

/// Settings of a [`Transcoder`](crate::Transcoder).
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest request body, in bytes. 1 MiB by default.
    pub max_body_bytes: usize,
    /// The largest request body of an RPC, by its path, where others may have that many bytes. The same for all by default.
    pub body_limit: fn(&str, usize) -> usize,
    /// Decompresses a gzip body into at most that many bytes; `None` if it is longer. By default, none is accepted.
    pub gunzip: Option<Gunzip>,
    /// Whether no route with a variable serves the path, although its template matches. None by default.
    pub is_reserved: fn(&str) -> bool,
    /// Describes an error for the response. [`ErrorInfo::from_status`] by default.
    pub describe_error: fn(&Status) -> ErrorInfo,
    /// Request headers that become metadata beside the standard ones, in lower case.
    pub request_headers: &'static [&'static str],
    /// Metadata of replies that become response headers beside the standard ones.
    pub response_headers: &'static [HeaderName],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            body_limit: |_, max_body_bytes| max_body_bytes,
            gunzip: None,
            is_reserved: |_| false,
            describe_error: ErrorInfo::from_status,
            request_headers: &[],
            response_headers: &[],
        }
    }
}
