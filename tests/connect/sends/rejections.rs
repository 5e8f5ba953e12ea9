//! What cannot be sent.

use serde_json::json;

use tonic::Code;

use super::super::connector::Connector;
use super::{QUEUED_HERE, world};

#[tokio::test]
async fn session_without_connection_cannot_send() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let body = json!({"chat_id": chat.id, "message": "Hello"}).to_string();
    let caller = world.rest().with("x-phone", &world.org.numbers[1]);
    let rejected = caller.json("POST", "/v1/message/send", body).await.expect(409);
    assert_eq!(rejected.json()["message"], "session has no connection");
    let path = format!("/api/v1/sessions/{}/messages", world.org.sessions[1]);
    let body = json!({"jid": chat.jid, "text": "Hello"}).to_string();
    let rejected = world.rest().json("POST", path, body).await.expect(409);
    assert_eq!(rejected.json()["error"]["message"], "session has no connection");
    assert_eq!(world.sql().count(QUEUED_HERE), 0);
    assert_eq!(world.sql().count("messages"), 0);
}

#[tokio::test]
async fn message_needs_exactly_one_content() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let place = json!({"latitude": 1.5, "longitude": 200.0});
    for (body, field) in [
        (json!({}), "message"),
        (json!({"message": "Hi", "poll": {"poll_name": "When?", "poll_options": ["a", "b"]}}), "poll"),
        (json!({"media": {"type": "image"}}), "media"),
        (json!({"media": {"type": "image", "url": "file:///etc/passwd"}}), "media.url"),
        (json!({"location": place}), "location.longitude"),
        (json!({"poll": {"poll_name": "When?", "poll_options": ["a"]}}), "poll.poll_options"),
        (json!({"message": "Hi", "reply_to": "3EB0MISSING"}), "reply_to"),
    ] {
        let mut body = body;
        body["chat_id"] = json!(chat.id);
        let rejected = world.rest().json("POST", "/v1/message/send", body.to_string()).await.expect(422);
        assert!(rejected.json()["fields"][field].is_object(), "{field}: {}", rejected.text());
    }
    assert_eq!(world.sql().count(QUEUED_HERE), 0);
}

#[tokio::test]
async fn limited_key_sends_through_its_sessions_only() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let mine = &world.org.sessions[1];
    let key = world.limited_key("read,send", std::slice::from_ref(mine));
    let limited = world.anonymous().token(&key);
    let body = json!({"chat_id": chat.id, "message": "Hello"}).to_string();
    limited.json("POST", "/v1/message/send", body.clone()).await.expect(404);
    limited.with("x-phone", &world.org.numbers[0]).json("POST", "/v1/message/send", body).await.expect(404);
    let path = format!("/api/v1/sessions/{}/messages", world.org.sessions[0]);
    let body = json!({"jid": chat.jid, "text": "Hello"}).to_string();
    limited.json("POST", path, body).await.expect(404);
    let missing = json!({"chat_id": "15550109999@c.us", "message": "Hello"}).to_string();
    world.rest().json("POST", "/v1/message/send", missing).await.expect(404);
}

#[tokio::test]
async fn session_that_the_service_serves_has_no_connector() {
    let (world, key) = world().await;
    let open = async || Connector::try_open(&world.url(), &key, &world.org.sessions[0]).await;
    let mut connector = open().await.expect("the lease");
    for kind in ["waha", "cloud_api", "simulator"] {
        let sql = format!("UPDATE connections SET kind = '{kind}', enabled = true");
        world.sql().run_as(&world.org.id, &sql);
        let rejected = open().await.err().expect("an error");
        assert_eq!(rejected.code(), Code::FailedPrecondition, "{rejected:?}");
        assert!(rejected.message().contains(kind), "{rejected:?}");
    }
    // One that was there before ends, too.
    assert_eq!(connector.end().await.code(), Code::FailedPrecondition);
    world.sql().run_as(&world.org.id, "UPDATE connections SET enabled = false");
    open().await.expect("the lease");
}
