//! The example: routes, statuses, errors, conditional requests and streams.

#[path = "../examples/library.rs"]
#[allow(dead_code, reason = "`main` is not called")]
mod example;

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use tonic::Status;
use transcode::{ErrorInfo, Options, Transcoder};
use transcode_example_proto::library::routes::library_routes;

use super::harness::{get, send, send_json};
use example::Books;

fn library() -> Transcoder {
    example::rest(Arc::default()).unwrap()
}

fn library_with_a_book() -> Transcoder {
    let library = library();
    let created = send_json(&library, "POST", "/v1/books", r#"{"title": "Emma"}"#);
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(created.json(), json!({"bookId": "book-1", "title": "Emma", "shelf": null}));
    library
}

#[test]
fn created_book_is_read_changed_and_deleted() {
    let library = library_with_a_book();
    let changed = send_json(&library, "PATCH", "/v1/books/book-1", r#"{"shelf": "a/b"}"#);
    assert_eq!(changed.json(), json!({"bookId": "book-1", "title": "Emma", "shelf": "a/b"}));
    let cleared = send_json(&library, "PATCH", "/v1/books/book-1", r#"{"shelf": null}"#);
    assert_eq!(cleared.json()["shelf"], json!(null));
    assert_eq!(get(&library, "/v1/books/book-1").json(), cleared.json());
    assert_eq!(send(&library, "DELETE", "/v1/books/book-1", &[], "").status, StatusCode::NO_CONTENT);
    assert_eq!(get(&library, "/v1/books/book-1").status, StatusCode::NOT_FOUND);
}

#[test]
fn query_and_multi_segment_variable_filter_the_list() {
    let library = library_with_a_book();
    send_json(&library, "PATCH", "/v1/books/book-1", r#"{"shelf": "a/b"}"#);
    let found = |uri: &str| get(&library, uri).json()["books"].as_array().unwrap().len();
    assert_eq!(found("/v1/books?filter.words=Em&filter.words=ma"), 1);
    assert_eq!(found("/v1/books?filter.words=Persuasion"), 0);
    assert_eq!(found("/v1/shelves/a/b/books?limit=5"), 1);
    assert_eq!(found("/v1/shelves/a/c/books"), 0);
}

#[test]
fn matching_if_none_match_returns_304() {
    let library = library_with_a_book();
    let etag = get(&library, "/v1/books/book-1").header("etag").unwrap().to_owned();
    let again = send(&library, "GET", "/v1/books/book-1", &[("if-none-match", &etag)], "");
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let other = send(&library, "GET", "/v1/books/book-1", &[("if-none-match", "\"x\"")], "");
    assert_eq!(other.status, StatusCode::OK);
}

#[test]
fn bad_request_details_name_the_field() {
    let answer = send_json(&library(), "POST", "/v1/books", r#"{"title": ""}"#);
    let message = "title must not be empty";
    assert_eq!(
        answer.json(),
        json!({"code": "BAD_REQUEST", "name": "Bad Request", "status": 422, "message": message,
            "fields": {"title": {"message": message}}})
    );
}

#[test]
fn rejections_have_the_default_statuses_and_codes() {
    let library = library();
    for (method, uri, content_type, body, status, code) in [
        ("GET", "/v1/nothing", "", "", 404, "NOT_FOUND"),
        ("GET", "/elsewhere", "", "", 404, "NOT_FOUND"),
        ("PUT", "/v1/books", "", "", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/books", "text/plain", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/v1/books", "application/json", "{", 422, "BAD_REQUEST"),
        ("GET", "/v1/books?limit=many", "", "", 422, "BAD_REQUEST"),
    ] {
        let answer = send(&library, method, uri, &[("content-type", content_type)], body);
        assert_eq!(answer.status.as_u16(), status, "{uri}");
        assert_eq!(answer.json()["status"], status, "{uri}");
        let expected = if status == 422 { "BAD_REQUEST" } else { code };
        assert_eq!(answer.json()["code"], expected, "{uri}");
    }
    assert_eq!(send(&library, "PUT", "/v1/books", &[], "").header("allow"), Some("GET, HEAD, OPTIONS, POST"));
}

#[test]
fn options_of_the_transcoder_are_honored() {
    let options = Options {
        max_body_bytes: 10,
        describe_error: |status| ErrorInfo { name: "Own".into(), ..ErrorInfo::from_status(status) },
        ..Options::default()
    };
    let guard = |_: &http::Extensions, rpc: &str| match rpc {
        "/library.v1.Library/DeleteBook" => Err(Status::permission_denied("no")),
        _ => Ok(()),
    };
    let library = Transcoder::new(library_routes(Arc::new(Books::default())), guard, options).unwrap();
    let denied = send(&library, "DELETE", "/v1/books/%zz", &[], "");
    assert_eq!((denied.status, denied.json()["name"].clone()), (StatusCode::FORBIDDEN, json!("Own")));
    let large = send_json(&library, "POST", "/v1/books", r#"{"title": "Emma"}"#);
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn stream_is_ndjson_or_server_sent_events() {
    let library = library();
    let lines = get(&library, "/v1/loans:watch");
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.text().lines().count(), 3);
    let headers = [("accept", "text/event-stream"), ("last-event-id", "2")];
    let events = send(&library, "GET", "/v1/loans:watch?token=1", &headers, "");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.text(), "id: 3\ndata: {\"bookId\":\"book-3\",\"token\":\"3\"}\n\n");
}

#[test]
fn accept_header_selects_server_sent_events() {
    const NDJSON: &str = "application/x-ndjson";
    const EVENTS: &str = "text/event-stream";
    for (accept, expected) in [
        ("", NDJSON),
        ("*/*", NDJSON),
        ("application/x-ndjson", NDJSON),
        ("text/event-stream", EVENTS),
        ("application/json, Text/Event-Stream;q=0.5", EVENTS),
        ("text/event-stream;q=0", NDJSON),
        ("text/event-stream;q=0.1, application/x-ndjson", NDJSON),
        ("application/x-ndjson;q=0.5, text/event-stream; q=0.9", EVENTS),
        ("text/event-stream, application/x-ndjson", EVENTS),
        ("text/event-stream;q=0.1, */*", EVENTS),
    ] {
        let answer = send(&library(), "GET", "/v1/loans:watch", &[("accept", accept)], "");
        assert_eq!(answer.header("content-type"), Some(expected), "{accept}");
    }
}

#[test]
fn error_in_a_stream_is_its_last_item() {
    let library = library();
    let last = |headers: &[(&str, &str)]| {
        let answer = send(&library, "GET", "/v1/loans:watch?token=100", headers, "");
        assert_eq!(answer.status, StatusCode::OK);
        answer.text().to_owned()
    };
    let error = r#"{"code":"BAD_REQUEST","message":"no such loan","name":"Bad Request","status":400}"#;
    assert_eq!(last(&[]), format!("{error}\n"));
    assert_eq!(last(&[("accept", "text/event-stream")]), format!("event: error\ndata: {error}\n\n"));
}

#[test]
fn routes_with_the_same_paths_are_an_error() {
    let books = Arc::new(Books::default());
    let twice = || library_routes(books.clone()).into_iter().chain(library_routes(books.clone())).collect();
    let error = Transcoder::new(twice(), |_, _| Ok(()), Options::default()).err().unwrap();
    assert!(error.to_string().contains("match the same paths"), "{error}");
}
