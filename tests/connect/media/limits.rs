//! The bytes of an organization's media files, and of objects that no message has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;
use switchboard::actions::media::expire_above;

use super::files::Files;
use super::gateway::Reply;
use crate::connect::sends::make_external;

const LIMIT: u64 = 100 << 10;

/// Bytes that nothing else has.
fn bytes(size: usize) -> Bytes {
    let id = uuid::Uuid::now_v7().to_string();
    id.bytes().cycle().take(size).collect::<Vec<_>>().into()
}

#[tokio::test]
async fn objects_without_message_expire_no_file() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    files.fetched(&chat, "A", json!({}), Reply::Stream(40 << 10)).await;
    let org = files.world.org.id.parse().expect("an id");
    for _ in 0..3 {
        files.media.put_bytes(org, None, bytes(90 << 10)).await.expect("stored");
    }
    for _ in 0..2 {
        expire_above(&files.store, LIMIT).await.expect("the store");
    }
    assert_eq!(files.media_of(&chat, "A").await["state"], "stored");
    // Those of messages expire as before.
    files.fetched(&chat, "B", json!({}), Reply::Stream((70 << 10) + 1)).await;
    expire_above(&files.store, LIMIT).await.expect("the store");
    assert_eq!(files.media_of(&chat, "A").await["state"], "expired");
    assert_eq!(files.media_of(&chat, "B").await["state"], "stored");
}

#[tokio::test]
async fn file_of_a_request_is_rejected_at_twice_the_limit() {
    let files = Files::start(&[("media-max-bytes", "100KiB")]).await;
    let world = &files.world;
    make_external(world);
    let chat = world.chat("Asha").await;
    let org = world.org.id.parse().expect("an id");
    files.media.put_bytes(org, None, bytes(90 << 10)).await.expect("stored");
    let send = async || {
        let media = json!({"type": "document", "filedata": STANDARD.encode(bytes(60 << 10))});
        let body = json!({"chat_id": chat.id, "media": media}).to_string();
        world.rest().json("POST", "/v1/message/send", body).await
    };
    send().await.expect(200);
    let refused = send().await.expect(409).json();
    assert!(refused["message"].as_str().expect("text").contains("media files"), "{refused}");
    assert_eq!(world.sql().count("media_objects"), 2);
    // A gateway's file is stored, and older ones expire.
    let media = files.fetched(&chat, "A", json!({}), Reply::Stream(60 << 10)).await;
    assert_eq!(media["state"], "stored");
}
