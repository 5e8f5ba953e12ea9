//! Requests with several invalid fields: every protocol names all of them in one answer.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::{CreateLabelRequest, Label, ListChatsRequest, UpdateLabelRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::samples::{Ids, is_output_only, request, wire};
use crate::support::{Protocol, Rest, World, frame, methods};

const LABELS: &str = "/api/v1/organization/labels";
const CREATE_LABEL: &str = "/switchboard.v1.LabelService/CreateLabel";
const UPDATE_LABEL: &str = "/switchboard.v1.LabelService/UpdateLabel";
const LIST_CHATS: &str = "/switchboard.v1.ChatService/ListChats";

async fn invalid_fields(world: &World, path: &str, request: &impl Message) -> BTreeSet<String> {
    invalid_fields_of(world, path, frame(&request.encode_to_vec())).await
}

/// The invalid fields of a call over gRPC and gRPC-Web, which must be the same.
async fn invalid_fields_of(world: &World, path: &str, body: impl Into<Bytes>) -> BTreeSet<String> {
    let (mut found, body) = (Vec::new(), body.into());
    let key = world.key("read,send,manage").await;
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let answer = world.anonymous_rpc(protocol).token(&key).call(path, body.clone()).await;
        let status = Status::from_header_map(&answer.headers).expect("a status");
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let violations = status.get_error_details().bad_request().cloned().expect("invalid fields");
        found.push(violations.field_violations.into_iter().map(|violation| violation.field).collect());
    }
    assert_eq!(found[0], found[1]);
    found.swap_remove(0)
}

/// A REST caller that may read and manage.
async fn manager(world: &World) -> Rest {
    world.anonymous().token(&world.key("read,manage").await)
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn two_invalid_fields_of_a_body_are_both_named() {
    let world = World::shared().await;
    let body = json!({"name": "a,b", "color": "blue"}).to_string();
    let error = manager(world).await.json("POST", LABELS, body.clone()).await.expect(422).json();
    assert_eq!(keys(&error["error"]["details"]), set(["name", "color"]));
    let request = CreateLabelRequest { name: "a,b".to_owned(), color: Some("blue".to_owned()) };
    assert_eq!(invalid_fields(world, CREATE_LABEL, &request).await, set(["name", "color"]));
}

#[tokio::test]
async fn number_above_64_bits_is_out_of_range() {
    let world = World::shared().await;
    let rest = world.rest();
    for (number, value) in [
        ("9223372036854775808", i64::MAX),
        ("99999999999999999999999", i64::MAX),
        ("-9223372036854775809", i64::MIN),
    ] {
        let error = rest.get(format!("/v1/chats?limit={number}")).await.expect(422).json();
        let limit = json!({"message": "limit must be between 1 and 2000", "value": value});
        assert_eq!(error["fields"]["limit"], limit, "{number}");
    }
    let error = rest.get("/v1/chats?offset=9223372036854775808").await.expect(422).json();
    assert_eq!(error["fields"]["offset"]["message"], "offset must be an integer of 64 bits");
    let body = r#"{"sends_per_minute": 9223372036854775808}"#;
    let connection = format!("/api/v1/connections/{}", world.org.connection);
    let manager = world.anonymous().token(&world.key("manage").await);
    let error = manager.json("PATCH", connection, body).await.expect(422).json();
    assert!(error.to_string().contains("must be between 1 and 60000"), "{error}");
}

#[tokio::test]
async fn invalid_query_parameters_are_all_named_with_values() {
    let world = World::shared().await;
    let path = "/v1/chats?offset=-3&limit=2001&chat_type=bot&start_time=now";
    let error = world.rest().get(path).await.expect(422).json();
    assert_eq!(keys(&error["fields"]), set(["offset", "limit", "chat_type", "start_time"]));
    assert_eq!(error["fields"]["offset"]["value"], -3);
    assert_eq!(error["fields"]["limit"]["value"], 2001);
    assert_eq!(error["fields"]["limit"]["message"], "limit must be between 1 and 2000");
    let request = ListChatsRequest {
        offset: Some(-3),
        limit: Some(2001),
        chat_type: Some("bot".to_owned()),
        start_time: Some("now".to_owned()),
        ..ListChatsRequest::default()
    };
    let expected = set(["offset", "limit", "chat_type", "start_time"]);
    assert_eq!(invalid_fields(world, LIST_CHATS, &request).await, expected);
}

#[tokio::test]
async fn patch_names_invalid_fields_of_path_and_body() {
    let world = World::shared().await;
    let body = json!({"name": "a,b", "color": "blue"}).to_string();
    let error =
        manager(world).await.json("PATCH", format!("{LABELS}/1"), body.clone()).await.expect(422).json();
    assert_eq!(keys(&error["error"]["details"]), set(["labelId", "name", "color"]));
}

#[tokio::test]
async fn field_outside_the_mask_is_not_validated() {
    let world = World::shared().await;
    let label = Label { name: Some("a,b".to_owned()), color: Some("blue".to_owned()), ..Label::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["color".to_owned()] });
    let request = UpdateLabelRequest { label_id: "1".to_owned(), label: Some(label), update_mask };
    assert_eq!(invalid_fields(world, UPDATE_LABEL, &request).await, set(["label_id", "color"]));
    let request = UpdateLabelRequest { update_mask: None, ..request };
    assert_eq!(invalid_fields(world, UPDATE_LABEL, &request).await, set(["label_id", "name", "color"]));
}

#[tokio::test]
async fn mask_with_unknown_or_read_only_field_is_invalid() {
    let world = World::shared().await;
    let ids = Ids::of(&world.org, world.chat("Alice").await);
    let updates: Vec<_> = methods()
        .into_iter()
        .filter(|method| method.input.get_field_by_name("update_mask").is_some())
        .collect();
    assert!(!updates.is_empty());
    for method in updates {
        let patch = method.bindings.iter().find(|binding| binding.method == "PATCH").expect("a PATCH");
        let resource = method.input.get_field_by_name(&patch.body).expect("a resource");
        let resource = resource.kind().as_message().cloned().expect("a message");
        let read_only = resource.fields().filter(is_output_only).map(|field| field.name().to_owned());
        for path in read_only.chain(["Name", "*", "", "assignedTo", "unmute"].map(str::to_owned)) {
            let mut update = request(&method, &ids);
            update["update_mask"] = json!({"paths": [path]});
            let found = invalid_fields_of(world, &method.path, wire(&method, &update)).await;
            assert_eq!(found, set(["update_mask"]), "{} {path:?}", method.path);
        }
    }
}

#[tokio::test]
async fn muted_until_is_between_1970_and_9999() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let mute =
        async |millis: i64| world.rest().patch(&chat.session_path, json!({"mutedUntil": millis})).await;
    for millis in [0, 253_402_300_799_999] {
        assert_eq!(mute(millis).await.expect(200).json()["mutedUntil"], millis);
    }
    for millis in [-1, 253_402_300_800_000, i64::MIN, i64::MAX] {
        let error = mute(millis).await.expect(422).json();
        assert_eq!(keys(&error["error"]["details"]), set(["mutedUntil"]), "{millis}");
    }
}

#[tokio::test]
async fn missing_capability_precedes_invalid_fields() {
    let world = World::shared().await;
    let body = json!({"name": "a,b", "color": "blue"}).to_string();
    let reader = world.anonymous().token(&world.key("read").await);
    reader.json("POST", LABELS, body.clone()).await.expect(403);
    let body = json!({"url": "nonsense", "actions": ["nonsense"]}).to_string();
    let manager = world.anonymous().token(&world.key("manage").await);
    let error = manager.json("POST", "/api/v1/organization/webhooks", body.clone()).await.expect(403).json();
    assert_eq!(error["error"]["details"]["required"], "read");
}
