//! Ids of requests: the client's own if it is safe in a log, else random.

use http::{HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

use crate::server::types::REQUEST_ID;

/// The longest id that is kept, in bytes.
const MAX_LENGTH: usize = 128;

/// Removes the client's id if it could forge a log line.
pub fn remove_unsafe<B>(mut request: Request<B>) -> Request<B> {
    if request.headers().get(REQUEST_ID).is_some_and(|id| !is_safe(id.as_bytes())) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn is_safe(id: &[u8]) -> bool {
    let is_allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(is_allowed)
}

/// Makes ids of 128 random bits in hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Random;

impl MakeRequestId for Random {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = format!("{:032x}", rand::random::<u128>());
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept(id: &str) -> bool {
        let request = Request::builder().header(REQUEST_ID, id).body(()).expect("a request");
        remove_unsafe(request).headers().get(REQUEST_ID).is_some_and(|kept| kept == id)
    }

    #[test]
    fn safe_id_is_kept() {
        assert!(is_kept("01J-abc_9.x:1/2"));
    }

    #[test]
    fn id_that_could_forge_a_log_line_is_removed() {
        for id in ["", "a b", "a\"b", "a\tb", &"a".repeat(129)] {
            assert!(!is_kept(id), "{id}");
        }
    }
}
