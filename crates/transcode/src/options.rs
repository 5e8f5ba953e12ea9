//! Settings of a transcoder.

use http::HeaderName;
use tonic::Status;

use crate::error::ErrorInfo;

/// Settings of a [`Transcoder`](crate::Transcoder).
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest request body, in bytes. 1 MiB by default.
    pub max_body_bytes: usize,
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
            describe_error: ErrorInfo::from_status,
            request_headers: &[],
            response_headers: &[],
        }
    }
}
