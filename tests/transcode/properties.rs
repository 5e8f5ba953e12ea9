//! Any request gets a valid response.

use axum::body::Body;
use http::{Request, Uri};
use proptest::prelude::*;

use super::stub::Protocol;

/// Bodies that are nearly valid.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        r#"[{}\[\]":,0-9a-z\\u ]{0,40}"#.prop_map(String::into_bytes),
        (
            r#""(assigned_to|labels|custom_properties|archived|mutedUntil|x)""#,
            r#"(null|1|-1\.5|"[a-z\\]{0,3}"|\[1\]|\{"a":\[null\]\}|true)"#
        )
            .prop_map(|(name, value)| format!("{{{name}:{value}}}").into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_request_returns_a_status_below_500(
        method in prop::sample::select(vec!["GET", "PATCH", "DELETE", "HEAD", "OPTIONS", "POST", "BREW"]),
        prefix in prop::sample::select(vec!["/v1/chats/", "/api/v1/sessions/", "/api/v1/sessions/s/chats/", "/"]),
        path in "[!-~]{0,20}",
        query in "(\\?[!-~]{0,20}|\\?(unmute|update_mask|chat\\.labels|sessionId)=[!-~]{0,8}|)",
        strict in any::<bool>(),
        body in body(),
    ) {
        let Ok(uri) = format!("{prefix}{path}{query}").parse::<Uri>() else { return Ok(()) };
        let mut request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        if strict {
            request = request.header("prefer", "handling=strict");
        }
        let answer = Protocol::new().call(request.body(Body::from(body)).unwrap());
        prop_assert!(answer.status.as_u16() < 500, "{:?}", answer);
        if answer.status.is_client_error() && method != "HEAD" {
            prop_assert!(answer.json().is_object());
        }
    }
}
