//! Files that are sent are media of their messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::pb::send_command::Content;

use super::{accepted, becomes, connector, message, messages, send, world};
use crate::connect::connector::text;
use crate::support::{World, until};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF0123456789";

async fn file_of(world: &World, shown: &Value) -> Vec<u8> {
    let path = shown["media"]["path"].as_str().unwrap_or_else(|| panic!("no path: {shown}"));
    world.rest().get(path).await.expect(200).body.to_vec()
}

#[tokio::test]
async fn sent_bytes_are_media_of_the_message_under_each_of_its_ids() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let media = json!({"type": "image", "filename": "a.jpg", "filedata": STANDARD.encode(JPEG)});
    let body = json!({"chat_id": chat.id, "message": "look", "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    let shown = messages(&world, &chat).await.remove(0);
    let media = &shown["media"];
    assert_eq!((&media["state"], &media["size"]), (&json!("stored"), &json!(20)), "{shown}");
    assert_eq!((&media["filename"], &media["mimetype"]), (&json!("a.jpg"), &json!("image/jpeg")));
    assert_eq!(file_of(&world, &shown).await, JPEG);
    assert_eq!(message(&world, &sent["queue_id"]).await["media"], *media);
    let of_session = world.rest().get(format!("{}/messages", chat.session_path)).await.expect(200).json();
    assert_eq!(of_session["data"][0]["media"], *media);

    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    let Some(Content::Media(file)) = &command.content else { panic!("no file: {command:?}") };
    assert_eq!((file.data.as_slice(), file.size), (JPEG, 20));
    connector.report(&command, accepted("GATEWAY")).await;
    let accepted = becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!((&accepted["unique_id"], &accepted["media"]), (&json!("GATEWAY"), media));
    assert_eq!(file_of(&world, &accepted).await, JPEG);
    // The bytes are stored once, however often they are sent; the send itself has none.
    assert_eq!(world.sql().count("media_objects"), 1);
    assert!(
        !json!(world.sql().rows("SELECT content FROM sends")).to_string().contains(&STANDARD.encode(JPEG))
    );

    let deleted = json!({"message": {"id": "GATEWAY", "chat": chat.jid, "fromMe": true}});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "deleteMessage": deleted})]);
    world.rest().get(media["path"].as_str().expect("a path")).await.expect(404);
}

#[tokio::test]
async fn session_api_returns_the_media_of_what_it_sends() {
    let (world, _) = world().await;
    let path = format!("/api/v1/sessions/{}/messages", world.org.sessions[0]);
    // Bytes that are not of the declared type are stored as what they are.
    let media = json!({"type": "document", "mimetype": "image/png", "filedata": STANDARD.encode("%PDF-1.7")});
    let body = json!({"jid": "15550107777@s.whatsapp.net", "media": media}).to_string();
    let sent = world.rest().json("POST", &path, body).await.expect(202).json();
    assert_eq!(
        (&sent["media"]["state"], &sent["media"]["mimetype"]),
        (&json!("stored"), &json!("application/pdf"))
    );
    assert_eq!(file_of(&world, &sent).await, b"%PDF-1.7");
    let chat = format!("/api/v1/sessions/{}/chats/15550107777@s.whatsapp.net", world.org.sessions[0]);
    let listed = world.rest().get(format!("{chat}/messages")).await.expect(200).json();
    assert_eq!(listed["data"][0]["media"], sent["media"]);
    assert!(listed["data"][0].get("send").is_none(), "{listed}");
}

#[tokio::test]
async fn large_file_is_given_to_the_connector_in_parts() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
    let media = json!({"type": "document", "filename": "a.bin", "filedata": STANDARD.encode(&bytes)});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    let Some(Content::Media(media)) = &command.content else { panic!("no file: {command:?}") };
    assert_eq!((media.data.len(), media.size), (0, 3_000_001));
    assert!(connector.file(&command).await == bytes, "another file");
    connector.report(&command, accepted("")).await;
    becomes(&world, &sent["queue_id"], "accepted").await;
}

#[tokio::test]
async fn file_at_a_url_is_fetched_for_the_connector() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let media = json!({"type": "document", "url": "https://127.0.0.1/offer.pdf", "filename": "offer.pdf"});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    let mut connector = connector(&world, &key).await;
    let shown = becomes(&world, &sent["queue_id"], "failed").await;
    assert_eq!(shown["failure_reason"], "the URL of the file is not a public one");
    assert!(connector.is_quiet().await);
}

#[tokio::test]
async fn file_whose_url_does_not_answer_is_given_up_after_a_day() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let media = json!({"type": "document", "url": "https://files.acme.example/offer.pdf"});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    let _connector = connector(&world, &key).await;
    until("it was attempted", async || {
        let shown = message(&world, &sent["queue_id"]).await;
        shown["send"]["state"] == "queued" && shown["send"]["attempts"] == 1
    })
    .await;
    world.sql().run_as(
        &world.org.id,
        "UPDATE sends SET created_at = now() - interval '25 hours', not_before = now() WHERE kind = 'media'",
    );
    let shown = becomes(&world, &sent["queue_id"], "failed").await;
    let expected = "not sent within 24 hours: the file cannot be fetched from its URL";
    assert_eq!(shown["failure_reason"], expected);
}

/// Shortens the only stored file of the organization.
fn shorten(world: &World) {
    let name = world.sql().value("SELECT encode(sha256, 'hex') FROM media_objects");
    let path = format!("{}/{}/{}", super::MEDIA_DIR, world.org.id, name.as_str().expect("a name"));
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("a file");
    file.set_len(7).expect("it is shorter");
}

#[tokio::test]
async fn file_that_cannot_be_read_waits_and_ends_no_stream() {
    let (world, key) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let media = json!({"type": "image", "filename": "a.jpg", "filedata": STANDARD.encode(JPEG)});
    let body = json!({"chat_id": asha.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    shorten(&world);
    let mut connector = connector(&world, &key).await;
    until("it was attempted", async || {
        let shown = message(&world, &sent["queue_id"]).await;
        shown["send"]["state"] == "queued" && shown["send"]["reason"] == "the stored file ends early"
    })
    .await;
    send(&world, &bela, "Hello").await;
    assert_eq!(text(&connector.next().await), "Hello");
}

#[tokio::test]
async fn large_file_that_cannot_be_read_is_not_repeated_at_once() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let media =
        json!({"type": "document", "filename": "a.bin", "filedata": STANDARD.encode(vec![7; 3_000_000])});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    shorten(&world);
    // The pause after so many attempts is minutes.
    world.sql().run_as(&world.org.id, "UPDATE sends SET attempts = 9 WHERE kind = 'media'");
    let mut first = connector(&world, &key).await;
    first.next().await;
    while first.end_or_part().await {}
    let mut second = connector(&world, &key).await;
    assert!(second.is_quiet().await);
    assert_eq!(message(&world, &sent["queue_id"]).await["send"]["reason"], "the stored file ends early");
}
