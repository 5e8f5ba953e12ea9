//! Request headers as gRPC metadata: only those a service may read.

use http::HeaderMap;
use tonic::metadata::MetadataMap;

use super::json::invalid;
use crate::error::Error;

/// What becomes of a header that is not visible ASCII.
enum Otherwise {
    /// It would change what is asked, so the request is refused.
    Refuse,
    /// The request asks for the same without it, so it is left out.
    LeaveOut,
}

/// The headers that go through; all others, hop-by-hop ones and the token among them, stay here.
fn allowed(name: &str) -> Option<Otherwise> {
    match name {
        "x-phone" | "idempotency-key" | "if-match" | "grpc-timeout" | "prefer" => Some(Otherwise::Refuse),
        // Our ETags are ASCII, so that what is not names none of them.
        "if-none-match" => Some(Otherwise::LeaveOut),
        "x-request-id" | "traceparent" | "tracestate" | "user-agent" => Some(Otherwise::LeaveOut),
        _ => None,
    }
}

/// The metadata of a request.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<MetadataMap, Error> {
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        match (allowed(name.as_str()), value.to_str()) {
            (None, _) | (Some(Otherwise::LeaveOut), Err(_)) => {}
            (Some(_), Ok(_)) => {
                kept.append(name.clone(), value.clone());
            }
            (Some(Otherwise::Refuse), Err(_)) => return Err(invalid(name.as_str(), "must be ASCII text")),
        }
    }
    Ok(MetadataMap::from_headers(kept))
}
