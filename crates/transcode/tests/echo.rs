//! JSON of every type: what requests may contain, and what responses contain.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use tonic::{Request, Response, Status};
use transcode::{Options, Transcoder};
use transcode_example_proto::echo::pb::echo_server::Echo;
use transcode_example_proto::echo::pb::{ChangeRequest, Types};
use transcode_example_proto::echo::routes::echo_routes;

use super::harness::{Answer, get, send, send_json};

struct Service;

#[tonic::async_trait]
impl Echo for Service {
    async fn say(&self, request: Request<Types>) -> Result<Response<Types>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn change(&self, request: Request<ChangeRequest>) -> Result<Response<ChangeRequest>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

fn echo() -> Transcoder {
    Transcoder::new(echo_routes(Arc::new(Service)), |_, _| Ok(()), Options::default()).unwrap()
}

fn say(body: &str) -> Answer {
    send_json(&echo(), "POST", "/echo", body)
}

/// The response to a body of one field.
fn said(name: &str, value: &Value) -> Value {
    let answer = say(&json!({ name: value }).to_string());
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()[name].clone()
}

/// The details of a rejected body.
fn rejected(body: &str) -> Value {
    let answer = say(body);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    answer.json()["error"]["details"].clone()
}

#[test]
fn every_type_is_returned_as_it_was_sent() {
    let body = json!({
        "name": "a", "int32": -1, "int64": i64::MIN, "uint32": u32::MAX, "uint64": u64::MAX, "float": 0.5,
        "double": 1e300, "bool": true, "bytes": "AP8=", "color": "COLOR_RED", "words": ["a", "b"],
        "colors": ["COLOR_UNSPECIFIED", "COLOR_RED"], "counts": {"a": 1}, "by_number": {"-5": "COLOR_RED"},
        "timestamp": "2025-01-18T14:51:03.5+00:00", "duration": "-1.5s", "struct": {"a": [1, null, {"b": "c"}]},
        "value": [true], "wrapper": "w", "optional": "", "number": 7, "text": null, "tags": ["t"],
        "inner": null, "list": [],
    });
    assert_eq!(say(&body.to_string()).json(), body);
}

#[test]
fn absent_fields_are_in_the_response() {
    let answer = say("{}").json();
    assert_eq!(answer["int64"], json!(0));
    assert_eq!(answer["color"], json!("COLOR_UNSPECIFIED"));
    assert_eq!((&answer["words"], &answer["counts"]), (&json!([]), &json!({})));
    assert_eq!(
        (&answer["inner"], &answer["optional"], &answer["timestamp"]),
        (&json!(null), &json!(null), &json!(null))
    );
}

#[test]
fn field_that_is_omitted_when_unset_is_absent() {
    let has_spare = |body: &str| say(body).json().as_object().expect("an object").contains_key("spare");
    assert!(!has_spare("{}") && !has_spare(r#"{"spare": null}"#));
    assert!(has_spare(r#"{"spare": {}}"#));
}

#[test]
fn lenient_spellings_of_values_are_accepted() {
    for (name, sent, returned) in [
        ("int64", json!("9007199254740993"), json!(9_007_199_254_740_993_i64)),
        ("int32", json!(3.0), json!(3)),
        ("double", json!("NaN"), json!("NaN")),
        ("double", json!("-Infinity"), json!("-Infinity")),
        ("double", json!(2.0), json!(2)),
        ("color", json!(1), json!("COLOR_RED")),
        ("bytes", json!("AP8"), json!("AP8=")),
        ("bytes", json!("_w"), json!("/w==")),
        ("timestamp", json!("1969-12-31T23:59:59.5Z"), json!("1969-12-31T23:59:59.5+00:00")),
        ("tags", json!("one"), json!(["one"])),
    ] {
        assert_eq!(said(name, &sent), returned, "{name}: {sent}");
    }
    assert_eq!(say(r#"{"byNumber": {"1": "COLOR_RED"}}"#).json()["by_number"], json!({"1": "COLOR_RED"}));
}

#[test]
fn invalid_value_names_its_field() {
    for (body, field, message) in [
        (json!({"int32": 2_147_483_648_i64}), "int32", "must be an integer of 32 bits"),
        (json!({"uint64": -1}), "uint64", "must be an integer of 64 bits that is not negative"),
        (json!({"int64": 1.5}), "int64", "must be an integer of 64 bits"),
        (json!({"bool": "true"}), "bool", "must be true or false"),
        (json!({"float": 1e300}), "float", "must be a number"),
        (json!({"color": "COLOR_BLUE"}), "color", "must be the name of one of its values"),
        (json!({"words": ["a", 1]}), "words[1]", "must be a string"),
        (json!({"words": "a"}), "words", "must be an array"),
        (json!({"list": [{"inner": {"int32": ""}}]}), "list[0].inner.int32", "must be an integer of 32 bits"),
        (json!({"counts": {"a": null}}), "counts.a", "must be an integer of 64 bits"),
        (json!({"by_number": {"x": 1}}), "by_number.x", "is not a key of this object"),
        (json!({"timestamp": "yesterday"}), "timestamp", "must be an RFC 3339 date-time"),
        (json!({"duration": "1"}), "duration", "must be a number of seconds with the suffix `s`"),
        (json!({"struct": []}), "struct", "must be an object"),
        (json!({"tags": 1}), "tags", "must be a string or an array of strings"),
        (json!({"number": 1, "text": "a"}), "text", "must not be given beside another of its kind"),
        (json!([]), "body", "must be an object"),
    ] {
        assert_eq!(rejected(&body.to_string()), json!({field: format!("{field} {message}")}), "{body}");
    }
}

#[test]
fn syntax_error_names_the_field_where_it_is() {
    for (body, field) in [
        ("{", "body"),
        ("{}x", "body"),
        (r#"{"name": "\ud800"}"#, "name"),
        (r#"{"struct": {"a": [1, tru]}}"#, "struct.a[1]"),
        (r#"{"int64": 1e999}"#, "int64"),
    ] {
        assert_eq!(rejected(body), json!({field: format!("{field} is not valid JSON")}), "{body}");
    }
}

#[test]
fn duplicate_name_is_rejected() {
    for (body, field) in [
        (r#"{"name": "a", "name": "b"}"#, "name"),
        (r#"{"by_number": {}, "byNumber": {}}"#, "by_number"),
        (r#"{"by_number": {"1": 1, "01": 1}}"#, "by_number.01"),
        (r#"{"unknown": {"a": 1, "a": 1}}"#, "unknown.a"),
    ] {
        assert_eq!(rejected(body), json!({field: format!("{field} is given twice")}), "{body}");
    }
    let many: Vec<String> = (0..40).map(|n| format!("\"a{}\": {n}", n % 39)).collect();
    let body = format!("{{\"counts\": {{{}}}}}", many.join(","));
    assert_eq!(rejected(&body), json!({"counts.a0": "counts.a0 is given twice"}));
}

#[test]
fn unknown_names_are_listed_with_their_paths() {
    let body = r#"{"x": {"y": 1}, "inner": {"x": 1}, "list": [{}, {"x": 1}]}"#;
    let answer = say(body);
    assert_eq!(answer.header("x-ignored-fields"), Some("x,inner.x,list[1].x"));
    let headers = [("content-type", "application/json"), ("prefer", "handling=strict")];
    let strict = send(&echo(), "POST", "/echo", &headers, body);
    assert_eq!(strict.status, StatusCode::BAD_REQUEST);
    assert_eq!(strict.json()["error"]["details"]["list[1].x"], "list[1].x is not known");
}

#[test]
fn patch_sets_a_mask_of_the_fields_that_were_sent() {
    let change = |body: &str| send_json(&echo(), "PATCH", "/echo/it", body).json();
    let changed = change(r#"{"words": [], "inner": {"int32": 1}, "optional": null, "dry_run": true}"#);
    assert_eq!(changed["mask"], json!("inner.int32,words"));
    assert_eq!((&changed["name"], &changed["dry_run"]), (&json!("it"), &json!(true)));
    assert_eq!(changed["types"]["inner"]["int32"], json!(1));
    assert_eq!(change("")["mask"], json!(""));
}

#[test]
fn field_of_the_reply_is_the_response_body() {
    let answer = send_json(&echo(), "PUT", "/echo/it", r#"{"int32": 5}"#);
    assert_eq!(answer.json()["int32"], json!(5));
    assert_eq!(send_json(&echo(), "PUT", "/echo/it", "").json(), json!(null));
}

#[test]
fn path_with_verb_and_many_segments_is_decoded() {
    let name = |path: &str| get(&echo(), path).json()["name"].clone();
    assert_eq!(name("/echo/rooms/a%20b/c%2Fd:say"), json!("rooms/a b/c%2Fd"));
    assert_eq!(name("/echo/rooms/1:say"), json!("rooms/1"));
    assert_eq!(get(&echo(), "/echo/rooms/1:shout").status, StatusCode::NOT_FOUND);
}

#[test]
fn query_sets_fields_of_every_type() {
    let query = "int64=5&color=COLOR_RED&words=a&words=b+c&inner.name=%20&timestamp=2025-01-18T14:51:03Z&wrapper=w&number=1";
    let answer = get(&echo(), &format!("/echo/rooms/1:say?{query}&counts=1&name=evil")).json();
    assert_eq!((&answer["int64"], &answer["color"]), (&json!(5), &json!("COLOR_RED")));
    assert_eq!((&answer["words"], &answer["inner"]["name"]), (&json!(["a", "b c"]), &json!(" ")));
    assert_eq!((&answer["name"], &answer["number"]), (&json!("rooms/1"), &json!(1)));
    let both = get(&echo(), "/echo/rooms/1:say?number=1&text=a");
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
}

#[test]
fn value_deeper_than_protobuf_can_read_is_rejected() {
    let nested = |levels: usize| format!("{{\"value\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(say(&nested(32)).status, StatusCode::OK);
    assert!(rejected(&nested(33)).to_string().contains("is nested too deeply"));
}
