//! Errors in the envelope of each API.

use super::stub::Protocol;
use http::StatusCode;
use serde_json::json;
use switchboard::error::{Error, Kind};
use switchboard::rest::describe;

const CHAT: &str = "/v1/chats/1";
const SESSION_CHAT: &str = "/api/v1/sessions/1/chats/2";

#[test]
fn each_error_kind_has_its_status_in_both_apis() {
    let protocol = Protocol::new();
    for kind in Kind::ALL {
        *protocol.stub.fail.lock().unwrap() = Some(kind);
        let expected =
            if kind == Kind::Invalid { StatusCode::UNPROCESSABLE_ENTITY } else { kind.row().status };
        let flat = protocol.get(CHAT);
        assert_eq!(flat.status, expected, "{kind:?}");
        let body = flat.json();
        assert_eq!(body["code"], kind.row().flat.0, "{kind:?}");
        assert_eq!(body["name"], kind.row().flat.1, "{kind:?}");
        assert_eq!(body["status"], expected.as_u16(), "{kind:?}");
        let nested = protocol.get(SESSION_CHAT);
        assert_eq!(nested.status, expected, "{kind:?}");
        assert_eq!(nested.json()["error"]["code"], kind.row().nested, "{kind:?}");
        let again = matches!(expected.as_u16(), 429 | 503 | 504);
        assert_eq!(nested.header("retry-after"), again.then_some("1"), "{kind:?}");
    }
}

#[test]
fn invalid_fields_have_the_shape_of_each_api() {
    let protocol = Protocol::new();
    *protocol.stub.fail.lock().unwrap() = Some(Kind::Invalid);
    let message = "labels must have at most 100 names";
    assert_eq!(
        protocol.get(CHAT).json(),
        json!({"code": "VALIDATION_ERROR", "name": "Validation Error", "status": 422, "message": message,
            "fields": {"labels": {"message": message}}})
    );
    assert_eq!(
        protocol.get(SESSION_CHAT).json(),
        json!({"error": {"code": "validation_error", "message": message, "details": {"labels": message}}})
    );
    *protocol.stub.fail.lock().unwrap() = Some(Kind::Forbidden);
    assert_eq!(protocol.get(SESSION_CHAT).json()["error"]["details"], json!({"required": "send"}));
}

#[test]
fn not_found_error_is_as_documented() {
    let protocol = Protocol::new();
    let answer = protocol.transcoder.error_response(
        "/api/v1/x",
        &describe(&Error::not_found("session not found")),
        None,
    );
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    *protocol.stub.fail.lock().unwrap() = Some(Kind::NotFound);
    let documented: serde_json::Value =
        serde_json::from_str(include_str!("examples/session_not_found.json")).unwrap();
    let mut body = protocol.get(SESSION_CHAT).json();
    body["error"]["message"] = documented["error"]["message"].clone();
    assert_eq!(body, documented);
}

#[test]
fn internal_error_shows_only_the_request_id() {
    let protocol = Protocol::new();
    let details = |path, kind| {
        *protocol.stub.fail.lock().unwrap() = Some(kind);
        protocol.send("GET", path, &[("x-request-id", "call-7")], "").json()["error"]["details"].clone()
    };
    assert_eq!(details(SESSION_CHAT, Kind::Internal), json!({"requestId": "call-7"}));
    assert_eq!(details(SESSION_CHAT, Kind::NotFound), json!({}));
}
