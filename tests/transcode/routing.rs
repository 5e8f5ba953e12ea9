//! Paths, methods, query parameters and headers.

use super::stub::Protocol;
use http::StatusCode;
use serde_json::json;
use switchboard::error::{Error, Kind};

const CHAT: &str = "/v1/chats/15550101844@c.us";
const SESSION_CHAT: &str = "/api/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats/15550102222@s.whatsapp.net";

#[test]
fn path_variable_is_decoded() {
    let protocol = Protocol::new();
    assert_eq!(protocol.get("/v1/chats/15550101844%40c.us").status, StatusCode::OK);
    assert_eq!(protocol.seen().get_chat.unwrap().chat_id, "15550101844@c.us");
    protocol.get("/v1/chats/1:23@s.whatsapp.net");
    assert_eq!(protocol.seen().get_chat.unwrap().chat_id, "1:23@s.whatsapp.net");
    protocol.get("/v1/chats/a%2Fb");
    assert_eq!(protocol.seen().get_chat.unwrap().chat_id, "a/b");
}

#[test]
fn literal_with_a_verb_takes_precedence_over_a_variable() {
    let protocol = Protocol::new();
    let path = "/v1/chats/messages:search?query=late%20delivery&from_me=true&limit=5";
    assert_eq!(protocol.get(path).status, StatusCode::OK);
    let request = protocol.seen().search_messages.unwrap();
    assert_eq!((&*request.query, request.from_me, request.limit), ("late delivery", Some(true), Some(5)));
    assert_eq!(protocol.seen().get_chat, None);
}

#[test]
fn two_path_variables_set_their_fields() {
    let protocol = Protocol::new();
    assert_eq!(protocol.get(SESSION_CHAT).status, StatusCode::OK);
    let request = protocol.seen().get_session_chat.unwrap();
    assert_eq!(
        (&*request.session_id, &*request.jid),
        ("01J9ZX8K2QHV0M3T6R7P4N5W8C", "15550102222@s.whatsapp.net")
    );
}

#[test]
fn invalid_escape_returns_422_and_names_the_field() {
    let protocol = Protocol::new();
    for path in ["/v1/chats/%zz", "/v1/chats/%4", "/v1/chats/%ff", "/v1/chats/a%00b"] {
        let answer = protocol.get(path);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(
            answer.json()["fields"]["chat_id"]["message"].as_str().unwrap().starts_with("chat_id "),
            "{path}"
        );
    }
    let answer = protocol.get("/api/v1/sessions/%ff/chats/1");
    assert!(answer.json()["error"]["details"]["sessionId"].is_string());
}

#[test]
fn unknown_path_returns_404_in_the_envelope_of_its_api() {
    let protocol = Protocol::new();
    for path in
        ["/v1/nothing", "/v1", "/v1/chats/1/", "/v1/chats/", "/v1//chats/1", "/elsewhere", "/v10/chats/1"]
    {
        let answer = protocol.get(path);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.json()["code"], "NOT_FOUND_ERROR", "{path}");
    }
    for path in ["/api/v1/nothing", "/api/v1/sessions/1/chats/2/"] {
        let answer = protocol.get(path);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()["error"]["code"], "not_found", "{path}");
    }
}

#[test]
fn wrong_method_returns_405_with_the_allowed_ones() {
    let protocol = Protocol::new();
    let answer = protocol.send("DELETE", CHAT, &[], "");
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, PATCH"));
    assert_eq!(answer.json()["code"], "METHOD_NOT_ALLOWED_ERROR");
    let answer = protocol.send("PUT", SESSION_CHAT, &[("x-http-method-override", "PATCH")], "{}");
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, OPTIONS, PATCH"));
    assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
}

#[test]
fn options_lists_the_methods_of_the_path() {
    let answer = Protocol::new().send("OPTIONS", CHAT, &[], "");
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, PATCH"));
    assert!(answer.body.is_empty());
    assert_eq!(Protocol::new().send("OPTIONS", "/v1/nothing", &[], "").status, StatusCode::NOT_FOUND);
}

#[test]
fn head_returns_the_headers_of_get_without_a_body() {
    let protocol = Protocol::new();
    for path in [CHAT, "/v1/chats/%zz", "/v1/nothing"] {
        let (get, head) = (protocol.get(path), protocol.send("HEAD", path, &[], ""));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[test]
fn empty_reply_returns_204() {
    let answer = Protocol::new().send("DELETE", SESSION_CHAT, &[], "");
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-type"), None);
}

#[test]
fn guard_runs_before_anything_is_decoded() {
    let protocol = Protocol::guarded(|_, rpc| match rpc {
        "/switchboard.v1.ChatService/UpdateChat" => Err(Error::new(Kind::Unauthenticated, "no token")),
        _ => Err(Error::forbidden("read")),
    });
    let answer = protocol.send("PATCH", "/v1/chats/%zz?a=%zz", &[("content-type", "text/plain")], "{");
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        answer.json(),
        json!({"code": "UNAUTHORIZED_ERROR", "message": "no token", "name": "Unauthorized", "status": 401})
    );
    let answer = protocol.get(SESSION_CHAT);
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["error"]["details"]["required"], "read");
    assert_eq!(protocol.get("/v1/nothing").status, StatusCode::NOT_FOUND);
    assert_eq!(protocol.send("PUT", CHAT, &[], "").status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn unknown_query_parameters_are_ignored_and_listed() {
    let protocol = Protocol::new();
    let answer = protocol.get(&format!("{CHAT}?chat_id=evil&nope=1&caf%C3%A9=%20&chatId=evil"));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-ignored-fields"), Some("chat_id,nope,caf%C3%A9,chatId"));
    assert_eq!(protocol.seen().get_chat.unwrap().chat_id, "15550101844@c.us");
    let strict =
        protocol.send("GET", &format!("{CHAT}?nope=1"), &[("prefer", "respond-async, handling=strict")], "");
    assert_eq!(strict.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(strict.json()["fields"]["nope"].is_object());
    assert_eq!(protocol.get(&format!("{CHAT}?a=%zz")).status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn repeated_scalar_in_the_query_returns_422() {
    let protocol = Protocol::new();
    let answer = protocol.patch(&format!("{SESSION_CHAT}?unmute=true&unmute=true"), "{}");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.json()["error"]["details"]["unmute"], "unmute is given twice");
    assert_eq!(
        protocol.patch(&format!("{SESSION_CHAT}?unmute=yes"), "{}").status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(protocol.patch(&format!("{SESSION_CHAT}?unmute=true"), "{}").status, StatusCode::OK);
    assert_eq!(protocol.seen().update_session_chat.unwrap().unmute, Some(true));
}

#[test]
fn only_allowed_headers_become_metadata() {
    let protocol = Protocol::new();
    let headers = [
        ("x-phone", "15550100400"),
        ("if-match", "\"1\""),
        ("authorization", "Bearer x"),
        ("te", "trailers"),
    ];
    protocol.send("GET", CHAT, &headers, "");
    let metadata = protocol.seen().metadata;
    assert_eq!(metadata.get("x-phone").unwrap(), "15550100400");
    assert_eq!(metadata.get("if-match").unwrap(), "\"1\"");
    assert!(metadata.get("authorization").is_none() && metadata.get("te").is_none());
    assert_eq!(protocol.send("GET", CHAT, &[("x-phone", "é")], "").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(protocol.send("GET", CHAT, &[("user-agent", "é")], "").status, StatusCode::OK);
}

#[test]
fn extensions_reach_the_service() {
    let protocol = Protocol::new();
    let mut request = http::Request::get(CHAT).body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert("identity");
    protocol.call(request);
    assert_eq!(protocol.seen().extension, Some("identity"));
}

#[test]
fn matching_if_none_match_returns_304() {
    let protocol = Protocol::new();
    *protocol.stub.etag.lock().unwrap() = Some("\"v1\"");
    assert_eq!(protocol.get(CHAT).header("etag"), Some("\"v1\""));
    for known in ["\"v1\"", "W/\"v1\"", "\"a,b\", \"v1\"", "*"] {
        let answer = protocol.send("GET", CHAT, &[("if-none-match", known)], "");
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(answer.header("etag"), Some("\"v1\""), "{known}");
        assert!(answer.body.is_empty(), "{known}");
    }
    assert_eq!(protocol.send("GET", CHAT, &[("if-none-match", "\"v2\"")], "").status, StatusCode::OK);
    let headers = [("if-none-match", "\"v1\""), ("content-type", "application/json")];
    assert_eq!(protocol.send("PATCH", CHAT, &headers, "{}").status, StatusCode::OK);
}
