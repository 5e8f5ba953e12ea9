//! Request headers as gRPC metadata.
//!
//! Only those of an allow-list, without hop-by-hop headers and credentials.

use http::HeaderMap;
use tonic::metadata::MetadataMap;

use crate::error::Rejection;

/// What happens to a header whose value is not visible ASCII.
enum Invalid {
    /// The header changes what the request means: the request is rejected.
    Reject,
    /// The request means the same without the header: the header is dropped.
    Drop,
}

/// The policy of a header that becomes metadata; `None` for all others.
fn policy(name: &str, further: &[&str]) -> Option<Invalid> {
    match name {
        "idempotency-key" | "if-match" | "grpc-timeout" | "prefer" => Some(Invalid::Reject),
        "if-none-match" | "x-request-id" | "traceparent" | "tracestate" | "user-agent" => Some(Invalid::Drop),
        name => further.contains(&name).then_some(Invalid::Reject),
    }
}

/// The metadata of a request. `further` names headers beside the standard ones.
pub(crate) fn from_headers(headers: &HeaderMap, further: &[&str]) -> Result<MetadataMap, Rejection> {
    let mut metadata = HeaderMap::new();
    for (name, value) in headers {
        match (policy(name.as_str(), further), value.to_str()) {
            (None, _) | (Some(Invalid::Drop), Err(_)) => {}
            (Some(_), Ok(_)) => {
                metadata.append(name.clone(), value.clone());
            }
            (Some(Invalid::Reject), Err(_)) => {
                return Err(Rejection::invalid(name.as_str(), "must be ASCII text"));
            }
        }
    }
    Ok(MetadataMap::from_headers(metadata))
}
