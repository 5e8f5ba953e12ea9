//! Media files of customers, through the service.

use bytes::Bytes;
use serde_json::json;

use super::graph::{File, NUMBER};
use super::service::{PHONE, Service, incoming};

#[tokio::test]
async fn media_is_fetched_and_served() {
    let service = Service::start().await;
    let bytes = Bytes::from_static(b"\xff\xd8\xff\xe0 a picture");
    service
        .graph
        .add_file("900", File { mime_type: "image/jpeg".to_owned(), bytes: bytes.clone(), url: None });
    let content = json!({"id": "900", "mime_type": "image/jpeg", "caption": "a cat"});
    assert_eq!(service.webhook(&incoming(NUMBER, "wamid.HBgLT5", "image", content)).await, 200);
    let message = service.message(PHONE, |message| message["media"]["state"] == "stored").await;
    let path = message["media"]["path"].as_str().expect("a path");
    let file = service.manager.get(path).await.expect(200);
    assert_eq!((file.header("content-type"), &file.body), ("image/jpeg", &bytes));
}
