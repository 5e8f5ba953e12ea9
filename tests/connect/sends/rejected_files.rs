//! Files of requests that queue nothing are not stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{MEDIA_DIR, make_external, world};
use crate::support::{Chat, Rest, World};

/// A request with a file of its own.
fn body(chat: &Chat, more: &Value) -> String {
    let file = STANDARD.encode(format!("a file {}", uuid::Uuid::now_v7()));
    let mut body = json!({"chat_id": chat.id, "media": {"type": "document", "filedata": file}});
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    body.to_string()
}

async fn send(caller: &Rest, chat: &Chat, more: Value, status: u16) {
    caller.json("POST", "/v1/message/send", body(chat, &more)).await.expect(status);
}

#[tokio::test]
async fn file_of_a_rejected_send_is_not_stored() {
    let (world, _) = world().await;
    let (chat, missing) = (world.chat("Asha Rao").await, world.missing_chat_of(&world.org));
    let rest = world.rest();
    send(&rest, &missing, json!({}), 404).await;
    send(&rest.with("x-phone", "15550109999"), &chat, json!({}), 404).await;
    send(&rest, &chat, json!({"reply_to": "missing"}), 422).await;
    let bad_name = json!({"type": "document", "filename": "a\0b", "filedata": STANDARD.encode("a")});
    send(&rest, &chat, json!({"media": bad_name}), 422).await;
    let of_session =
        json!({"jid": chat.jid, "media": {"type": "document", "filedata": STANDARD.encode("a")}});
    let path = format!("/api/v1/sessions/{}/messages", world.other.sessions[0]);
    rest.json("POST", path, of_session.to_string()).await.expect(404);
    world.sql().run_as(&world.org.id, "DELETE FROM connections");
    send(&rest, &chat, json!({}), 409).await;
    assert_eq!(world.sql().count("media_objects"), 0);
}

#[tokio::test]
async fn file_under_a_used_idempotency_key_is_not_stored() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let caller = world.rest().with("idempotency-key", "once");
    let first = body(&chat, &json!({}));
    let post = async |body: &str| caller.json("POST", "/v1/message/send", body.to_owned()).await;
    let sent = post(&first).await.expect(200).json();
    send(&caller, &chat, json!({}), 409).await;
    assert_eq!(post(&first).await.expect(200).json(), sent);
    assert_eq!(world.sql().count("media_objects"), 1);
}

#[tokio::test]
async fn file_beyond_the_quota_of_sends_is_not_stored() {
    let flags = ["--media-dir", MEDIA_DIR, "--org-quotas", "sends=2"];
    let world = World::start_with("127.0.0.1:0", &flags).await;
    make_external(&world);
    let chat = world.chat("Asha Rao").await;
    // The organization has one send already.
    for status in [200, 409, 409] {
        send(&world.rest(), &chat, json!({}), status).await;
    }
    assert_eq!(world.sql().count("media_objects"), 1);
}
