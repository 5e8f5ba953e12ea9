//! The error of a request that would hold more than it may.

use super::share::Exhausted;
use crate::error::{Error, Kind};
use crate::telemetry::metrics;

/// What requests hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Places of requests that run.
    Requests,
    /// Places of streams.
    Streams,
    /// Bytes in memory.
    Bytes,
}

/// The error, which is counted: by a limit of the caller's own 429, by that of all together 503.
pub fn refusal(exhausted: Exhausted, resource: Resource) -> Error {
    let ([own, all], what) = match resource {
        Resource::Requests => (["org_in_flight", "in_flight"], "concurrent requests"),
        Resource::Streams => (["org_streams", "streams"], "open streams"),
        Resource::Bytes => (["org_bytes", "bytes"], "unfinished requests and unread responses"),
    };
    let (kind, reason, whose) = match exhausted {
        Exhausted::Caller => (Kind::RateLimited, own, " of this key or member"),
        Exhausted::Org => (Kind::RateLimited, own, " of this organization"),
        Exhausted::Total => (Kind::Overloaded, all, ""),
    };
    metrics::shed(reason);
    Error::new(kind, format!("too many {what}{whose}, try again in a moment"))
}
