//! Streams end when their credential is no longer valid. The descriptors list the streams, so that new ones are covered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::logins::Frontend;
use super::samples::{Ids, request, wire};
use crate::support::{Method, Protocol, RpcAnswer, World, methods};

const UNAUTHENTICATED: i32 = 16;

/// A stream is checked every second, and a check may be three seconds old.
const LIMIT: Duration = Duration::from_secs(5);

/// Every RPC that streams.
fn streams() -> impl Iterator<Item = Method> {
    methods().into_iter().filter(Method::streams)
}

/// The first message: the one that opens a stream of a connector, or else the request.
fn first_message(method: &Method, ids: &Ids) -> Bytes {
    let open = method.input.get_field_by_name("open");
    let Some(open) = open.as_ref().and_then(|open| open.kind().as_message().cloned()) else {
        let mut request = request(method, ids);
        request.as_object_mut().expect("an object").retain(|field, _| field == "session_id");
        return wire(method, &request);
    };
    let session = open.get_field_by_name("session").map(|_| json!({"session": ids.session}));
    wire(method, &json!({"open": session.unwrap_or(Value::Object(Default::default()))}))
}

/// Opens every stream that the token may open, makes it invalid, and waits for the ends.
async fn streams_end(world: &World, token: &str, capabilities: &[&str], invalidate: impl AsyncFnOnce()) {
    let ids = Ids::of(&world.org, world.chat("Alice").await);
    let mut open = JoinSet::new();
    let allowed = streams().filter(|method| capabilities.contains(&method.capability.as_str()));
    for method in allowed {
        let first = first_message(&method, &ids);
        // A connector that says nothing, and one that has opened its stream.
        let is_connector = method.input.get_field_by_name("open").is_some();
        let bodies = if method.input.get_field_by_name("open").is_some() {
            vec![Bytes::new(), first]
        } else {
            vec![first]
        };
        for body in bodies {
            let (caller, path) = (world.anonymous_rpc(Protocol::Grpc).token(token), method.path.clone());
            open.spawn(async move {
                let answer: RpcAnswer = match is_connector {
                    true => caller.hold(&path, body).await,
                    false => caller.call(&path, body).await,
                };
                (path, answer, Instant::now())
            });
        }
    }
    assert!(open.len() >= 2, "{} streams", open.len());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(open.try_join_next().is_none(), "a stream ended while its credential was valid");
    invalidate().await;
    let begun = Instant::now();
    while let Some(ended) = open.join_next().await {
        let (path, answer, at) = ended.expect("an end");
        assert_eq!(answer.code, Some(UNAUTHENTICATED), "{path}: {answer:?}");
        let took = at.saturating_duration_since(begun);
        assert!(took < LIMIT, "{path} ended after {took:?}");
    }
}

const ALL: [&str; 4] = ["read", "send", "ingest", "manage"];

#[tokio::test]
async fn streams_end_when_their_key_is_revoked() {
    let world = World::start().await;
    let key = world.key(&ALL.join(",")).await;
    let id = key.split('_').nth(1).expect("sb_<key id>_<secret>");
    streams_end(&world, &key, &ALL, async || drop(world.cli(&["key", "revoke", id]))).await;
}

#[tokio::test]
async fn streams_end_when_their_key_expires() {
    let world = World::start().await;
    let key = world.key(&ALL.join(",")).await;
    let id = key.split('_').nth(1).expect("sb_<key id>_<secret>");
    let expire = format!("UPDATE api_keys SET expires_at = now() WHERE key_id = '{id}'");
    streams_end(&world, &key, &ALL, async || world.sql().run_as(&world.org.id, &expire)).await;
}

#[tokio::test]
async fn streams_end_when_their_organization_is_disabled() {
    let world = World::start().await;
    let key = world.key(&ALL.join(",")).await;
    streams_end(&world, &key, &ALL, async || drop(world.cli(&["org", "disable", &world.org.id]))).await;
}

#[tokio::test]
async fn streams_end_when_their_member_is_removed() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let email = "leaving@acme.example";
    world.cli(&["member", "add", "--org", &world.org.id, "--email", email, "--role", "admin"]);
    let token = frontend.token(&world.org.id, "admin", json!({"email": email}));
    let manager = world.anonymous().token(&world.key("manage").await);
    let remove = async || {
        manager.delete(format!("/api/v1/organization/members/{email}")).await.expect(204);
    };
    streams_end(&world, &token, &["read", "send", "manage"], remove).await;
}

#[tokio::test]
async fn streams_end_when_logins_are_revoked() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let token = frontend.token(&world.org.id, "member", json!({}));
    let revoke = async || drop(world.cli(&["org", "revoke-logins", &world.org.id]));
    streams_end(&world, &token, &["read", "send"], revoke).await;
}

#[tokio::test]
async fn command_stream_of_a_revoked_key_releases_its_lease() {
    let world = World::start().await;
    let [first, second] =
        [world.database.create_key(&world.org.id, "ingest", &[]), world.key("ingest").await];
    let body: Bytes = {
        let method = streams().find(|method| method.path.ends_with("/Commands")).expect("the stream");
        first_message(&method, &Ids::of(&world.org, world.chat("Alice").await))
    };
    let path = "/switchboard.v1.IngestService/Commands";
    let held = tokio::spawn({
        let (caller, body) = (world.anonymous_rpc(Protocol::Grpc).token(&first), body.clone());
        async move { caller.hold(path, body).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.cli(&["key", "revoke", first.split('_').nth(1).expect("an id")]);
    assert_eq!(held.await.expect("an end").code, Some(UNAUTHENTICATED));
    assert_eq!(world.sql().count("connector_leases WHERE expires_at > now()"), 0);
    let next = world.anonymous_rpc(Protocol::Grpc).token(&second);
    let waiting = tokio::time::timeout(Duration::from_secs(2), next.hold(path, body)).await;
    assert!(waiting.is_err(), "the stream ended: {waiting:?}");
}
