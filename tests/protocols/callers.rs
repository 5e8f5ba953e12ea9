//! What a token stands for: `GetCaller`.

use serde_json::{Value, json};

use super::samples;
use crate::support::{Protocol, World, methods};

const CALLER: &str = "/api/v1/caller";

#[tokio::test]
async fn key_is_described_with_its_limits() {
    let world = World::shared().await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let far = 4_000_000_000_000_u64;
    let new = json!({
        "name": "bot", "capabilities": ["send", "read"], "expiresAt": far, "sessionIds": [world.org.sessions[1]],
    });
    let made =
        manager.json("POST", "/api/v1/organization/api-keys", new.to_string()).await.expect(201).json();
    let bot = world.anonymous().token(made["key"].as_str().expect("a key"));
    let expected = json!({
        "orgId": world.org.id, "type": "api_key", "keyId": made["id"], "subject": null, "email": null, "role": null,
        "capabilities": ["read", "send"], "sessionIds": [world.org.sessions[1]], "expiresAt": far,
    });
    assert_eq!(bot.get(CALLER).await.expect(200).json(), expected);
}

#[tokio::test]
async fn key_without_limits_has_all_sessions_and_never_expires() {
    let world = World::shared().await;
    let key = world.key("read").await;
    let caller = world.anonymous().token(&key).get(CALLER).await.expect(200).json();
    assert_eq!(caller["keyId"].as_str(), key.split('_').nth(1));
    assert_eq!(caller["capabilities"], json!(["read"]));
    assert_eq!((&caller["sessionIds"], &caller["expiresAt"]), (&json!([]), &Value::Null));
    let others = world.anonymous().token(&world.other.key).get(CALLER).await.expect(200).json();
    assert_eq!(others["orgId"], json!(world.other.id));
}

#[tokio::test]
async fn key_that_may_not_read_is_rejected() {
    let world = World::shared().await;
    let refused = world.anonymous().token(&world.key("ingest").await).get(CALLER).await.expect(403).json();
    assert_eq!(refused["error"]["details"]["required"], "read");
    world.anonymous().get(CALLER).await.expect(401);
}

#[tokio::test]
async fn grpc_and_grpc_web_describe_the_caller_alike() {
    let world = World::shared().await;
    let method =
        methods().into_iter().find(|method| method.path.ends_with("/GetCaller")).expect("the method");
    let call = async |protocol| {
        let rpc = world.anonymous_rpc(protocol).token(&world.key("read,send").await);
        let answer = rpc.call(&method.path, samples::wire(&method, &json!({}))).await;
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer.messages[0].clone()
    };
    assert_eq!(call(Protocol::Grpc).await, call(Protocol::GrpcWeb).await);
}
