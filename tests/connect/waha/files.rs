//! Large files, received and sent through the service. `make fill` does it with files of 100 MiB.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use switchboard::digest::{hex, sha256};

use super::server::{Waha, text};
use super::service::{SECRET, Service};
use crate::support::{memory, reset_peak, until_within};

/// Files at a time: as many as are fetched for one connection.
const FILES: usize = 4;
/// The most memory that files may take, in KiB: a fraction of one.
const MAX_MEMORY: u64 = 24 * 1024;
const TIMEOUT: Duration = Duration::from_secs(600);

#[tokio::test]
async fn large_files_are_received_and_sent_in_little_memory() {
    let size = if std::env::var_os("FILL").is_some() { 100 << 20 } else { 32 << 20 };
    let service = Service::start(Waha::start().await).await;
    service.synced(TIMEOUT).await;
    let process = service.world.process_id();

    reset_peak(process);
    let before = memory(process, "VmRSS");
    for n in 0..FILES {
        let (chat, path) = (format!("1555020000{n}@c.us"), format!("/api/files/default/{n}.bin"));
        service.waha.state().files.insert(path.clone(), bytes(n, size));
        let mut message = text(&format!("false_{chat}_3EB0F{n}"), "", 1_790_000_000);
        message["hasMedia"] = true.into();
        message["media"] =
            json!({ "url": format!("http://localhost:3000{path}"), "mimetype": "application/octet-stream" });
        assert_eq!(service.webhook(SECRET, &format!("evt_{n}"), "message.any", message).await, 200);
    }
    for n in 0..FILES {
        let chat = format!("1555020000{n}@c.us");
        let is_stored = |message: &Value| message["media"]["state"] == "stored";
        let message = service.message_within(TIMEOUT, &chat, is_stored).await;
        assert_eq!(message["media"]["size"], size, "{message}");
    }
    let received = memory(process, "VmHWM").saturating_sub(before);

    // Their sends wait while they are stored. With one a minute, the first is due after a minute.
    let hashes: Vec<_> = (0..FILES).map(|n| hex(&sha256(&bytes(n, size)))).collect();
    let path = format!("/api/v1/connections/{}", service.id);
    let pace = |number: u32| json!({ "sendsPerMinute": number }).to_string();
    service.manager.json("PATCH", &path, pace(1)).await.expect(200);
    // Its worker reads the settings when it renews the lease.
    tokio::time::sleep(Duration::from_secs(15)).await;
    for (n, hash) in hashes.iter().enumerate() {
        let media = json!({ "type": "document", "mimetype": "application/octet-stream", "filename": "a.bin",
            "filedata": STANDARD.encode(n.to_string()) });
        let send = json!({ "chat_id": format!("1555020000{n}@c.us"), "message": "look", "media": media });
        let sent =
            service.manager.json("POST", "/v1/message/send", send.to_string()).await.expect(200).json();
        // In place of the small file, the large one that was received.
        let file = json!({ "file": { "stored": { "sha256": hash, "size": size,
            "mime_type": "application/octet-stream" } } });
        let replace = format!(
            "UPDATE sends SET content = content || '{file}' WHERE send_id = '{}'",
            sent["queue_id"].as_str().expect("an id")
        );
        service.world.sql().run_as(&service.world.org.id, &replace);
    }
    assert!(service.waha.state().sent.is_empty(), "sent too early");
    reset_peak(process);
    let before = memory(process, "VmRSS");
    service.manager.json("PATCH", &path, pace(6000)).await.expect(200);
    until_within(TIMEOUT, "all are sent", async || service.waha.state().sent.len() >= FILES).await;
    let sent = memory(process, "VmHWM").saturating_sub(before);

    assert_sent(&service.waha, size);
    println!("{FILES} files of {size} bytes: received with {received} KiB more, sent with {sent} KiB more");
    assert!(received < MAX_MEMORY && sent < MAX_MEMORY, "{received} {sent}");
}

/// Whether each chat was sent its own file.
fn assert_sent(waha: &Waha, size: usize) {
    for call in waha.calls("/api/sendFile") {
        let chat = call.body["chatId"].as_str().expect("a chat").to_owned();
        let n = usize::from(chat.as_bytes()[10] - b'0');
        let file = call.body["file"]["data"].as_str().map(|data| STANDARD.decode(data).expect("Base64"));
        let hash = |bytes: &[u8]| hex(&sha256(bytes));
        assert_eq!(hash(&file.expect("a file")), hash(&bytes(n, size)), "{chat}");
        assert_eq!(
            (&call.body["caption"], &call.body["file"]["filename"]),
            (&json!("look"), &json!("a.bin"))
        );
    }
}

/// A file of that many bytes, different from the others.
fn bytes(n: usize, size: usize) -> Bytes {
    (0..size)
        .map(|at| u8::try_from((at / 7 + at % 251 + n) % 256).expect("a byte"))
        .collect::<Vec<_>>()
        .into()
}
