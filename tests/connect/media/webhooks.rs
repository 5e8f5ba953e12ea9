//! Files of webhooks: behind a URL of the gateway, and in the event itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::bucket::{self, Bucket};
use super::{JPEG, path};
use crate::connect::waha::ASHA;
use crate::connect::waha::server::{Waha, text};
use crate::connect::waha::service::{SECRET, Service};
use crate::support::{World, until};

/// A message of WAHA with a file.
fn with_file(id: &str, file: &str, mime_type: &str) -> Value {
    let mut message = text(&format!("false_{ASHA}_{id}"), "look", 1_760_000_000);
    message["hasMedia"] = true.into();
    let url = format!("http://localhost:3000/api/files/{file}");
    message["media"] = json!({"url": url, "mimetype": mime_type, "filename": file});
    message
}

#[tokio::test]
async fn file_of_a_webhook_is_stored_in_a_bucket() {
    let (bucket, address) = Bucket::start().await;
    let waha = Waha::start().await;
    let large = Bytes::from(vec![7; 12 * 1024 * 1024]);
    for (file, bytes) in [("a.jpg", Bytes::from_static(JPEG)), ("large.bin", large.clone())] {
        waha.state().files.insert(format!("/api/files/{file}"), bytes);
    }
    let endpoint = format!("--media-endpoint=http://{address}");
    let flags = ["--connection-host", "127.0.0.1", "--media-url=s3://acme-media/files", &endpoint];
    let variables = [
        ("AWS_ACCESS_KEY_ID", bucket::KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", bucket::SECRET.to_owned()),
        ("AWS_REGION", bucket::REGION.to_owned()),
    ];
    let world = World::start_with_env(&flags, &variables).await;
    let service = Service::start_in(world, waha).await;
    let stored = |file: &'static str| {
        move |message: &Value| message["media"]["filename"] == file && message["media"]["state"] == "stored"
    };
    for (id, file, mime_type, bytes) in [
        ("3EB0SMALL", "a.jpg", "image/jpeg", Bytes::from_static(JPEG)),
        ("3EB0LARGE", "large.bin", "application/octet-stream", large),
    ] {
        let message = with_file(id, file, mime_type);
        assert_eq!(service.webhook(SECRET, &format!("evt_{id}"), "message.any", message).await, 200);
        let message = service.message(ASHA, stored(file)).await;
        let answer = service.world.rest().get(path(&message["media"])).await.expect(200);
        assert!(answer.body == bytes && answer.header("content-type") == mime_type, "{file}");
        let part =
            service.world.rest().with("range", "bytes=1-3").get(path(&message["media"])).await.expect(206);
        assert_eq!(part.body, bytes.slice(1..4), "{file}");
    }
    let folder = format!("files/{}/", service.world.org.id);
    let keys = bucket.keys();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.starts_with(&folder)), "{keys:?}");
    assert_eq!(bucket.rejected(), Vec::<String>::new());
}

#[tokio::test]
async fn file_in_a_webhook_is_stored_before_its_event() {
    let files = std::env::temp_dir().join(format!("sb-media-{}", uuid::Uuid::now_v7().simple()));
    let directory = format!("--media-dir={}", files.display());
    let flags = ["--connection-host", "127.0.0.1", "--media-max-file-bytes=64KiB", &directory];
    let service =
        Service::start_in(World::start_with("127.0.0.1:0", &flags).await, Waha::start().await).await;
    let with_data = |id: &str, bytes: &[u8], mime_type: &str| {
        let mut message = with_file(id, "gone", mime_type);
        message["media"] = json!({"mimetype": mime_type, "filename": id, "data": STANDARD.encode(bytes)});
        message
    };
    let large = vec![7; 64 * 1024 + 1];
    for (id, bytes, declared, state, stored) in [
        ("3EB0FITS", JPEG, "image/jpeg", "stored", "image/jpeg"),
        ("3EB0PDF", b"%PDF-1.7".as_slice(), "image/jpeg", "stored", "application/pdf"),
        // The gateway is asked, which has nothing either.
        ("3EB0LARGE", large.as_slice(), "application/octet-stream", "expired", "application/octet-stream"),
    ] {
        let event = with_data(id, bytes, declared);
        assert_eq!(service.webhook(SECRET, &format!("evt_{id}"), "message.any", event).await, 200);
        let is_it = |message: &Value| message["unique_id"] == id && message["media"]["state"] == state;
        let media = service.message(ASHA, is_it).await["media"].clone();
        assert_eq!((&media["mimetype"], &media["filename"]), (&json!(stored), &json!(id)), "{media}");
        if state == "stored" {
            assert_eq!(media["size"], bytes.len());
            assert_eq!(service.world.rest().get(path(&media)).await.expect(200).body, bytes);
            assert!(!service.waha.calls("/api/").iter().any(|call| call.path.contains(id)), "{id}");
        }
        let bodies = service.world.sql().rows("SELECT body FROM inbound_events");
        assert!(!json!(bodies).to_string().contains(&STANDARD.encode(bytes)), "{id}");
    }
    // The same event again, and the message in the history, have the file that is stored.
    let history = with_file("3EB0FITS", "gone", "image/jpeg");
    assert_eq!(service.webhook(SECRET, "evt_again", "message.any", history).await, 200);
    let is_mapped = async || service.world.sql().count("inbound_events WHERE state = 'mapped'") == 4;
    until("the event is mapped", is_mapped).await;
    let is_stored =
        |message: &Value| message["unique_id"] == "3EB0FITS" && message["media"]["state"] == "stored";
    service.message(ASHA, is_stored).await;
    std::fs::remove_dir_all(files).expect("the media store");
}
