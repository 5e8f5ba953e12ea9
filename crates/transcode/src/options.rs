//! Settings of a transcoder.

use http::{Extensions, HeaderName};
use tonic::Status;

use crate::error::ErrorInfo;

/// Decompresses the body of the request with these extensions, into at most that many bytes.
pub type Gunzip = fn(&Extensions, &[u8], usize) -> Result<Vec<u8>, GunzipError>;

/// Why a body was not decompressed.
#[derive(Clone, Debug)]
pub enum GunzipError {
    /// It is not gzip.
    Invalid,
    /// The result is longer than the limit.
    TooLarge,
    /// The server does not take it now, for this reason.
    Refused(Status),
}

/// Settings of a [`Transcoder`](crate::Transcoder).
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest request body, in bytes. 1 MiB by default.
    pub max_body_bytes: usize,
    /// The largest request body of an RPC, by its path, where others may have that many bytes. The same for all by default.
    pub body_limit: fn(&str, usize) -> usize,
    /// Decompresses a gzip body. By default, none is accepted.
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
