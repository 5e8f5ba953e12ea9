//! Quotas: how many rows of each kind an organization may have.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use switchboard::pb::label_service_client::LabelServiceClient;
use switchboard::pb::{self, CreateLabelRequest};
use tonic::Code;

use crate::support::{Answer, Rest, World};

const QUOTAS: &str = "labels=3,members=4,notes=3,properties=3,sessions=4,connections=2,webhooks=3,api-keys=6,idempotency-bytes=4KiB";

async fn world() -> (World, Rest) {
    let world = World::start_with("127.0.0.1:0", &["--org-quotas", QUOTAS]).await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    (world, manager)
}

/// Creates rows until one is rejected. Returns how many there were before that, and the rejection.
async fn until_rejected(caller: &Rest, path: &str, body: impl Fn(usize) -> Value) -> (usize, Answer) {
    for number in 0..10 {
        let answer = caller.json("POST", path, body(number).to_string()).await;
        if answer.status != 201 {
            return (number, answer);
        }
    }
    panic!("{path} is not limited");
}

/// A quota, the path and the table of its rows, and the body that creates the nth.
type Kind = (&'static str, String, &'static str, fn(usize) -> Value);

#[tokio::test]
async fn every_kind_of_row_has_a_quota_that_its_error_names() {
    let (world, manager) = world().await;
    let organization = |noun: &str| format!("/api/v1/organization/{noun}");
    let kinds: [Kind; 7] = [
        ("labels", organization("labels"), "labels", |n| json!({"name": format!("label {n}")})),
        ("members", organization("members"), "members", |n| json!({"email": format!("m{n}@acme.example")})),
        (
            "properties",
            organization("properties"),
            "properties",
            |n| json!({"name": format!("p{n}"), "kind": "text"}),
        ),
        (
            "webhooks",
            organization("webhooks"),
            "webhooks",
            |n| json!({"url": format!("https://hooks.acme.example/{n}")}),
        ),
        (
            "api-keys",
            organization("api-keys"),
            "api_keys",
            |n| json!({"name": format!("k{n}"), "capabilities": ["read"]}),
        ),
        (
            "connections",
            "/api/v1/connections".to_owned(),
            "connections",
            |n| json!({"phoneNumber": format!("155501008{n:02}"), "kind": "external"}),
        ),
        (
            "sessions",
            "/api/v1/sessions".to_owned(),
            "sessions",
            |n| json!({"phoneNumber": format!("155501007{n:02}")}),
        ),
    ];
    for (quota, path, table, body) in kinds {
        let count = || world.sql().count(&format!("{table} WHERE org_id = '{}'", world.org.id));
        let before = count();
        let (created, rejected) = until_rejected(&manager, &path, body).await;
        assert_eq!(rejected.status, 409, "{quota}: {}", rejected.text());
        let error = &rejected.json()["error"];
        assert_eq!(error["code"], "quota_exceeded", "{error}");
        assert!(error["message"].as_str().expect("text").contains(&format!("the quota {quota} ")), "{error}");
        assert_eq!(count(), before + i64::try_from(created).expect("a count"), "nothing more is stored");
        assert!(created > 0, "{quota}");
    }
}

#[tokio::test]
async fn notes_of_all_chats_have_one_quota() {
    let (world, manager) = world().await;
    for number in 0..4 {
        let chat = world.chat("Alice").await;
        let note = json!({"chat_id": chat.id, "message": "hello"}).to_string();
        let answer = manager.json("POST", "/v1/note/create", note).await;
        assert_eq!(answer.status, if number < 3 { 200 } else { 409 }, "{}", answer.text());
    }
    assert_eq!(world.sql().count("notes"), 3);
}

#[tokio::test]
async fn quota_holds_on_every_way_to_a_label() {
    let (world, manager) = world().await;
    let chat = world.chat("Alice").await;
    let flat = manager.patch(&chat, json!({"labels": "a, b, c, d"})).await.expect(409);
    assert_eq!(flat.json()["code"], "CONFLICT_ERROR");
    let bulk = json!({"labels": "a, b, c, d", "chat_ids": [chat.id]});
    manager.patch("/v1/chats/labels", bulk).await.expect(409);
    let mut client = LabelServiceClient::connect(world.url()).await.expect("a connection");
    let key = world.key("read,send,manage").await;
    let status = loop {
        let name = format!("grpc {}", world.sql().count("labels"));
        let mut request = tonic::Request::new(CreateLabelRequest { name, color: None });
        let token = format!("Bearer {key}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        if let Err(status) = client.create_label(request).await {
            break status;
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    // Labels that exist are given to chats as before, and operators have no quotas.
    manager.patch(&chat, json!({"labels": "unused"})).await.expect(200);
    let label = json!({"label": {"name": "imported"}});
    world.import(&world.org, &[label]);
}

#[tokio::test]
async fn stored_responses_of_idempotency_keys_have_a_quota_in_bytes() {
    let (world, manager) = world().await;
    let chat = world.chat("Alice").await;
    let patch = async |key: String| {
        manager
            .with("idempotency-key", key)
            .patch(&chat, json!({"custom_properties": {world.org.note.as_str(): "x".repeat(500)}}))
            .await
    };
    let mut keys = 0;
    let rejected = loop {
        let answer = patch(format!("key {keys}").replace(' ', "-")).await;
        if answer.status != 200 {
            break answer;
        }
        keys += 1;
        assert!(keys < 10, "not limited");
    };
    assert_eq!(rejected.status, 409, "{}", rejected.text());
    assert!(rejected.text().contains("the quota idempotency-bytes is reached"), "{}", rejected.text());
    assert!(keys > 0);
    assert_eq!(patch("key-0".to_owned()).await.expect(200).header("idempotency-replayed"), "true");
    manager.patch(&chat, json!({"labels": "unused"})).await.expect(200);
    // Expired responses do not count.
    let expire = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours'";
    world.sql().run_as(&world.org.id, expire);
    let _server = world.another_server().await;
    crate::support::until("expired keys are removed", async || world.sql().count("idempotency_keys") == 0)
        .await;
    patch("again".to_owned()).await.expect(200);
}

#[tokio::test]
async fn options_of_a_property_are_limited_in_size() {
    let (_world, manager) = world().await;
    let options: Vec<_> = (0..500).map(|number| format!("{number:0>99}")).collect();
    let property = json!({"name": "large", "kind": "dropdown", "options": options});
    let rejected = manager.json("POST", "/api/v1/organization/properties", property.to_string()).await;
    assert_eq!(rejected.status, 422, "{}", rejected.text());
    assert!(rejected.text().contains("32768 bytes"), "{}", rejected.text());
}

#[tokio::test]
async fn values_of_a_chat_are_limited_in_size() {
    let world = World::start().await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let chat = world.chat("Alice").await;
    // Four bytes a character, so that one value has 40,000 bytes.
    let text = "😀".repeat(10_000);
    for number in 0..6 {
        let name = format!("large {number}");
        let property = json!({"name": name, "kind": "text"}).to_string();
        manager.json("POST", "/api/v1/organization/properties", property).await.expect(201);
        manager.patch(&chat, json!({"custom_properties": {name: text}})).await.expect(200);
    }
    let before = manager.get(&chat).await.expect(200);
    let seventh = json!({"custom_properties": {world.org.note.as_str(): text}, "labels": "unused"});
    let rejected = manager.patch(&chat, seventh.clone()).await.expect(409);
    assert!(rejected.text().contains("custom_properties") && rejected.text().contains("262144 bytes"));
    let value = prost_types::value::Kind::StringValue(text.clone());
    let fields = [(world.org.note.clone(), prost_types::Value { kind: Some(value) })].into();
    let values = prost_types::Struct { fields };
    let change = pb::Chat { custom_properties: Some(values), ..pb::Chat::default() };
    let request = pb::UpdateChatRequest { chat_id: chat.id.clone(), chat: Some(change), update_mask: None };
    let status = world.grpc_chat().update_chat(request).await.expect_err("too large");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let inbox = json!({"chat": chat.jid, "customProperties": {world.org.note.as_str(): text}});
    let line = json!({"session": world.org.numbers[0], "inbox": inbox}).to_string();
    let problem = rejected_line(&world, &line);
    assert!(problem.contains("262144 bytes"), "{problem}");
    assert_eq!(manager.get(&chat).await.expect(200).body, before.body, "nothing is stored");
    // A smaller value in place of a large one is stored.
    let smaller = json!({"custom_properties": {"large 0": "x", world.org.note.as_str(): text}});
    manager.patch(&chat, smaller).await.expect(200);
}

/// What `switchboard import` says of a line that it rejects.
fn rejected_line(world: &World, line: &str) -> String {
    let mut command = world.command(&["import", "-", "--org", &world.org.id]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    child.stdin.take().expect("piped").write_all(line.as_bytes()).expect("import reads");
    let output = child.wait_with_output().expect("the binary");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}
