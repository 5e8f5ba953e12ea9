//! Writes with an idempotency key are done once, through every protocol. The descriptors list the writes.

mod rules;

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::foreign_ids::fresh_ids;
use super::rejected_calls::assert_envelope;
use super::samples::{Ids, request, rest, wire};
use crate::support::{Binding, Chat, Method, Protocol, World, methods};

const KEY: &str = "idempotency-key";
const ABORTED: i32 = 10;
const RACERS: usize = 20;

/// Every RPC that writes.
fn writes() -> Vec<Method> {
    let reads = |method: &Method| method.bindings.iter().any(|binding| binding.method == "GET");
    let writes = methods().into_iter().filter(|method| method.capability != "read" && !reads(method));
    writes.filter(|method| !method.streams()).collect()
}

/// A protocol; for REST, a route.
#[derive(Clone, Debug)]
enum Way {
    Rpc(Protocol),
    Rest(Binding),
}

fn ways(method: &Method) -> Vec<Way> {
    let rpc = [Way::Rpc(Protocol::Grpc), Way::Rpc(Protocol::GrpcWeb)];
    rpc.into_iter().chain(method.bindings.iter().cloned().map(Way::Rest)).collect()
}

/// A write, for every protocol.
#[derive(Clone)]
struct Call {
    method: Method,
    request: Value,
    headers: Vec<(&'static str, String)>,
}

/// The response of a protocol.
#[derive(Debug, PartialEq)]
struct Answered {
    /// The gRPC code or HTTP status.
    status: i64,
    etag: String,
    body: Vec<u8>,
    replayed: bool,
}

/// The content of a response.
#[derive(Debug, PartialEq)]
enum Content {
    Message(DynamicMessage),
    Json(Value),
}

impl Answered {
    fn is_success(&self) -> bool {
        matches!(self.status, 0 | 200..=299)
    }

    fn content(&self, method: &Method, way: &Way) -> Content {
        match way {
            Way::Rpc(_) => Content::Message(
                DynamicMessage::decode(method.output.clone(), self.body.as_slice()).expect("the answer"),
            ),
            Way::Rest(_) => Content::Json(serde_json::from_slice(&self.body).unwrap_or_default()),
        }
    }

    /// The content without secrets, as a replay returns it.
    fn replayed_content(&self, method: &Method, way: &Way) -> Content {
        let mut content = self.content(method, way);
        for field in secrets(&method.output) {
            match &mut content {
                Content::Message(message) => {
                    assert!(message.has_field(&field), "{} has no {}", method.path, field.name());
                    message.clear_field(&field);
                }
                Content::Json(json) => {
                    let name =
                        if json.get(field.name()).is_some() { field.name() } else { field.json_name() };
                    let is_nullable = field.supports_presence();
                    json[name] = if is_nullable { Value::Null } else { json!("") };
                }
            }
        }
        content
    }
}

/// The secret fields of a response.
fn secrets(answer: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let secret = answer.parent_pool().get_extension_by_name("switchboard.v1.secret").expect("the option");
    let is_secret = |field: &FieldDescriptor| field.options().get_extension(&secret).as_bool() == Some(true);
    answer.fields().filter(is_secret).collect()
}

impl Call {
    fn new(method: &Method, ids: &Ids, key: &str) -> Self {
        let headers = vec![(KEY, key.to_owned())];
        Self { method: method.clone(), request: request(method, ids), headers }
    }

    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut call = self.clone();
        call.headers.push((name, value.to_owned()));
        call
    }

    /// The request with the update mask of a PATCH.
    fn masked(&self) -> Value {
        let mut masked = self.request.clone();
        let patch = self.method.bindings.iter().find(|binding| binding.method == "PATCH");
        let body = patch.map(|binding| binding.body.as_str()).filter(|body| !["", "*"].contains(body));
        if let Some(body) = body {
            let paths: BTreeSet<_> = masked[body].as_object().into_iter().flatten().map(|(k, _)| k).collect();
            masked["update_mask"] = json!({"paths": paths});
        }
        masked
    }

    async fn through(&self, way: &Way, world: &World, token: &str) -> Answered {
        let headers = &self.headers;
        let (status, headers, body) = match way {
            Way::Rpc(protocol) => {
                let caller = world.anonymous_rpc(*protocol).token(token);
                let caller = headers.iter().fold(caller, |caller, (name, value)| caller.with(name, value));
                let answer = caller.call(&self.method.path, wire(&self.method, &self.masked())).await;
                let body = answer.messages.concat();
                (i64::from(answer.code.expect("a code")), answer.headers, body)
            }
            Way::Rest(binding) => {
                let (target, body) = rest(binding, &self.request);
                let caller = world.anonymous().token(token);
                let caller = headers.iter().fold(caller, |caller, (name, value)| caller.with(name, value));
                let answer = caller.json(&binding.method, &target, body).await;
                if answer.status >= 400 {
                    assert_envelope(&answer, &self.method.envelope, answer.status);
                }
                (i64::from(answer.status), answer.headers, answer.body.to_vec())
            }
        };
        let text =
            |name: &str| headers.get(name).map_or("", |value| value.to_str().expect("text")).to_owned();
        Answered { status, etag: text("etag"), body, replayed: text("idempotency-replayed") == "true" }
    }

    /// Asserts that every protocol rejects it because its key was used for another request.
    async fn conflicts(&self, world: &World, token: &str) {
        for way in ways(&self.method) {
            let answer = self.through(&way, world, token).await;
            let expected = if matches!(way, Way::Rpc(_)) { ABORTED.into() } else { 409 };
            assert_eq!(answer.status, expected, "{} through {way:?}: {answer:?}", self.method.path);
            assert!(!answer.replayed);
        }
    }
}

/// Ids of no organization, for a different request.
fn other_ids(world: &World) -> Ids {
    Ids {
        session: "01J9ZX8K2QHV0M3T6R7P4N5W8C".to_owned(),
        chat: Chat::new(&world.missing_chat_of(&world.org).digits, "01J9ZX8K2QHV0M3T6R7P4N5W8C"),
        member: "nobody@acme.example".to_owned(),
        property: "property-aaaaaaaaaaaaaaaa".to_owned(),
        label: "label-aaaaaaaaaaaaaaaa".to_owned(),
        key: "aaaaaaaaaaaa".to_owned(),
        webhook: "webhook-aaaaaaaaaaaaaaaa".to_owned(),
        dead_letter: "6999999999".to_owned(),
        connection: "0".repeat(64),
        send: "019b0000-0000-7000-8000-000000000000".to_owned(),
        failed_event: "6899999999".to_owned(),
        note: "note-aaaaaaaaaaaaaaaa".to_owned(),
        new_number: "15550109997".to_owned(),
    }
}

#[tokio::test]
async fn repeated_write_is_done_once_through_every_protocol() {
    let world = World::start_with("127.0.0.1:0", &["--org-quotas", "webhooks=1000"]).await;
    let token = world.key("read,send,ingest,manage").await;
    let mut number = 0;
    for method in writes() {
        for first in ways(&method) {
            number += 1;
            let ids = fresh_ids(&world, number).await;
            let key = format!("call-{number}");
            let call = Call::new(&method, &ids, &key);
            let what = format!("{} through {first:?}", method.path);
            let answer = call.through(&first, &world, &token).await;
            assert!(answer.is_success() && !answer.replayed, "{what}: {answer:?}");
            for again in ways(&method) {
                let replay = call.through(&again, &world, &token).await;
                assert!(replay.is_success() && replay.replayed, "{what}, then {again:?}: {replay:?}");
                if secrets(&method.output).is_empty() {
                    assert_eq!(replay.etag, answer.etag, "{what}, then {again:?}");
                }
                let same_form = matches!((&first, &again), (Way::Rpc(_), Way::Rpc(_)))
                    || format!("{first:?}") == format!("{again:?}");
                if same_form {
                    assert_eq!(replay.status, answer.status, "{what}");
                    assert_eq!(
                        replay.content(&method, &first),
                        answer.replayed_content(&method, &first),
                        "{what}"
                    );
                }
            }
            let other = Call::new(&method, &other_ids(&world), &key);
            assert_ne!(
                other.request, call.request,
                "{}: add its sample to tests/protocols/samples.rs",
                method.path
            );
            other.conflicts(&world, &token).await;
            call.with("if-match", "*").conflicts(&world, &token).await;
        }
    }
}

#[tokio::test]
async fn concurrent_writes_with_one_key_are_done_once() {
    let world: &'static World = Box::leak(Box::new(World::start().await));
    let token = world.key("read,send,ingest,manage").await;
    for (number, method) in writes().iter().enumerate() {
        let ids = fresh_ids(world, number).await;
        let call = Call::new(method, &ids, &format!("race {number}").replace(' ', "-"));
        let mut racing = JoinSet::new();
        for way in ways(method).into_iter().cycle().take(RACERS) {
            let (call, token) = (call.clone(), token.clone());
            racing.spawn(async move { call.through(&way, world, &token).await });
        }
        let answers = racing.join_all().await;
        let statuses: Vec<_> = answers.iter().map(|answer| (answer.status, answer.replayed)).collect();
        assert!(answers.iter().all(Answered::is_success), "{}: {statuses:?}", method.path);
        let done = answers.iter().filter(|answer| !answer.replayed).count();
        assert_eq!(done, 1, "{}: {statuses:?}", method.path);
        let replays =
            || answers.iter().filter(|answer| answer.replayed || secrets(&method.output).is_empty());
        let etags: BTreeSet<_> = replays().map(|answer| &answer.etag).collect();
        assert_eq!(etags.len(), 1, "{}", method.path);
    }
}

#[tokio::test]
async fn invalid_idempotency_key_changes_nothing() {
    let world = World::start().await;
    let token = world.key("read,send,ingest,manage").await;
    let ids = fresh_ids(&world, 0).await;
    let before = world.sql().fingerprint();
    let long = "k".repeat(256);
    for method in writes() {
        for key in ["", "a b", "é", "tab\tbed", &long] {
            for way in ways(&method) {
                let answer = Call::new(&method, &ids, key).through(&way, &world, &token).await;
                let expected = if matches!(way, Way::Rpc(_)) { 3 } else { 422 };
                assert_eq!(answer.status, expected, "{} {key:?} through {way:?}: {answer:?}", method.path);
            }
        }
        for way in ways(&method).into_iter().filter(|way| matches!(way, Way::Rest(_))) {
            let twice = Call::new(&method, &ids, "one").with(KEY, "one");
            let answer = twice.through(&way, &world, &token).await;
            let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let fields = if method.envelope == "FLAT" { &body["fields"] } else { &body["error"]["details"] };
            assert_eq!(answer.status, 422, "{} through {way:?}: {body}", method.path);
            assert!(fields[KEY].to_string().contains("idempotency-key must be sent once"), "{body}");
        }
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[test]
fn writes_have_distinct_request_messages() {
    let names: BTreeSet<_> = writes().iter().map(|method| method.input.full_name().to_owned()).collect();
    assert_eq!(names.len(), writes().len());
}
