//! Media files: fetched, stored, served, and deleted.

mod bucket;
pub mod files;
mod gateway;
mod limits;
mod revoked;
mod webhooks;

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use switchboard::actions::media;
use switchboard::connect::gateway::MediaError;

use self::files::Files;
use self::gateway::Reply;
use crate::support::{memory, until, until_within};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF0123456789";

fn jpeg() -> Reply {
    Reply::Bytes(Bytes::from_static(JPEG))
}

fn path(media: &Value) -> &str {
    media["path"].as_str().unwrap_or_else(|| panic!("no path: {media}"))
}

#[tokio::test]
async fn fetched_file_is_shown_and_served() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    let source = json!({"mimetype": "image/jpeg", "filename": "Größe.jpg"});
    let media = files.fetched(&chat, "A", source, jpeg()).await;
    assert_eq!(media["state"], "stored", "{media}");
    assert_eq!((&media["mimetype"], &media["size"]), (&json!("image/jpeg"), &json!(20)));
    assert_eq!(media["filename"], "Größe.jpg");
    assert_eq!(path(&media), format!("/v1/media/{}", media["id"].as_str().unwrap()));
    let of_session =
        files.world.rest().get(format!("{}/messages", chat.session_path)).await.expect(200).json();
    assert_eq!(of_session["data"][0]["media"], media);

    let answer = files.world.rest().get(path(&media)).await.expect(200);
    assert_eq!(&answer.body[..], JPEG);
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("content-length", "20"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "inline; filename=\"Gr__e.jpg\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.jpg"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, no-cache"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(answer.header("etag"), format!("\"{}\"", files.objects()[0]));

    let log = files.world.rest().get(format!("{}/audit-logs", chat.path)).await.expect(200).json();
    let updated =
        log["audit_logs"].as_array().expect("a log").iter().find(|entry| entry["type"] == "message.updated");
    let updated = updated.unwrap_or_else(|| panic!("{log}"));
    assert!(updated.to_string().contains("media.state"), "{updated}");
}

#[tokio::test]
async fn ranges_and_conditions_of_a_file_are_honoured() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    let media = files.fetched(&chat, "A", json!({"mimetype": "image/jpeg"}), jpeg()).await;
    let (rest, path) = (files.world.rest(), path(&media));
    let part = rest.with("range", "bytes=10-13").get(path).await.expect(206);
    assert_eq!((&part.body[..], part.header("content-range")), (&b"0123"[..], "bytes 10-13/20"));
    assert_eq!(part.header("content-length"), "4");
    let last = rest.with("range", "bytes=-2").get(path).await.expect(206);
    assert_eq!(&last.body[..], b"89");
    let none = rest.with("range", "bytes=20-").get(path).await.expect(416);
    assert_eq!((none.header("content-range"), none.header("accept-ranges")), ("bytes */20", "bytes"));
    assert_eq!(none.header("etag"), part.header("etag"));
    let error = json!({"code": "RANGE_NOT_SATISFIABLE_ERROR", "name": "Range Not Satisfiable", "status": 416,
        "message": "the file has no such part"});
    assert_eq!(none.json(), error);
    assert_eq!(rest.with("range", "bytes=0-1,4-5").get(path).await.expect(200).body.len(), 20);
    let head = rest.send("HEAD", path, Bytes::new()).await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("20", 0));
    let etag = head.header("etag").to_owned();
    assert!(rest.with("if-none-match", &etag).get(path).await.expect(304).body.is_empty());
    let whole = rest.with("range", "bytes=0-1").with("if-range", "\"other\"").get(path).await.expect(200);
    assert_eq!(whole.body.len(), 20);
    rest.with("range", "bytes=0-1").with("if-range", etag).get(path).await.expect(206);
    assert_eq!(rest.send("POST", path, Bytes::new()).await.expect(405).header("allow"), "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn file_is_served_to_those_who_may_read_the_chat() {
    let files = Files::start(&[]).await;
    let world = &files.world;
    let chat = world.chat("Asha").await;
    let media = files.fetched(&chat, "A", json!({"mimetype": "image/jpeg"}), jpeg()).await;
    let (anonymous, path) = (world.anonymous(), path(&media));
    anonymous.get(path).await.expect(401);
    anonymous.token(&world.key("ingest").await).get(path).await.expect(403);
    let missing = world.rest().get("/v1/media/media-aaaaaaaaaaaaaaaa").await.expect(404).json();
    let other_session = world.limited_key("read", &world.org.sessions[1..]);
    for key in [other_session, world.key_of(&world.other, "read").await] {
        assert_eq!(anonymous.token(&key).get(path).await.expect(404).json(), missing);
    }
    assert_eq!(world.rest().get("/v1/media/..%2f..").await.expect(404).json(), missing);
    anonymous.token(&world.limited_key("read", &world.org.sessions[..1])).get(path).await.expect(200);
    assert_eq!(missing["code"], "NOT_FOUND_ERROR");
}

#[tokio::test]
async fn file_whose_bytes_are_being_deleted_stays_pending() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    files.gateway.reply("A", Reply::Fails(MediaError::Unavailable("busy".to_owned())));
    files.message(&chat, "A", json!({"mimetype": "image/jpeg"})).await;
    let id = files.media_of(&chat, "A").await["id"].as_str().expect("an id").parse().expect("an id");
    let org = &files.world.org.id;
    let object = "sha256('bytes'), 5, now() + interval '10 minutes', true";
    let sql = format!(
        "INSERT INTO media_objects (org_id, sha256, size, check_at, deleting) SELECT '{org}', {object}"
    );
    files.world.sql().run_as(org, &sql);
    let sha256 = switchboard::digest::sha256(b"bytes").to_vec();
    let bytes = media::StoredBytes { sha256, size: 5, mime_type: "image/jpeg".to_owned() };
    let outcome = media::FetchOutcome::Stored(bytes);
    media::fetched(&files.store, org.parse().expect("an id"), id, outcome).await.expect("stored");
    assert_eq!(files.media_of(&chat, "A").await["state"], "pending");
}

#[tokio::test]
async fn file_that_is_not_what_it_should_be_is_not_stored() {
    let files = Files::start(&[("media-max-file-bytes", "64KiB")]).await;
    let chat = files.world.chat("Asha").await;
    let bytes = |text: &'static str| Reply::Bytes(Bytes::from_static(text.as_bytes()));
    let image = || json!({"mimetype": "image/jpeg"});
    let wrong_hash = json!({"mimetype": "image/jpeg", "sha256": "00".repeat(32)});
    for (id, source, reply, state, status) in [
        ("HTML", image(), bytes("<!doctype html><script>"), "rejected", 410),
        ("HASH", wrong_hash, jpeg(), "rejected", 410),
        ("HOST", image(), Reply::Fails(MediaError::Rejected("another host")), "rejected", 410),
        ("LARGE", json!({}), Reply::Stream(64 * 1024 + 1), "too_large", 410),
        ("GONE", image(), Reply::Fails(MediaError::Expired), "expired", 410),
    ] {
        let media = files.fetched(&chat, id, source, reply).await;
        assert_eq!(media["state"], state, "{id}: {media}");
        files.world.rest().get(path(&media)).await.expect(status);
    }
    assert_eq!(files.objects(), Vec::<String>::new());
    let temporary = std::fs::read_dir(files.directory.join("tmp")).into_iter().flatten().count();
    assert_eq!(temporary, 0, "temporary files");
    // Exactly as large as allowed.
    let media = files.fetched(&chat, "FITS", json!({}), Reply::Stream(64 * 1024)).await;
    assert_eq!(media["state"], "stored");
    let answer = files.world.rest().get(path(&media)).await.expect(200);
    assert_eq!((answer.body.len(), answer.header("content-disposition")), (64 * 1024, "attachment"));
}

#[tokio::test]
async fn file_that_is_unavailable_is_fetched_again() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    files.gateway.reply("A", Reply::Fails(MediaError::Unavailable("503".to_owned())));
    files.gateway.reply("A", jpeg());
    files.message(&chat, "A", json!({"mimetype": "image/jpeg"})).await;
    let pending = files.media_of(&chat, "A").await;
    assert_eq!(pending["state"], "pending");
    let answer = files.world.rest().get(path(&pending)).await.expect(409);
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(files.settled_after_retry(&chat, "A").await["state"], "stored");
    assert_eq!(files.gateway.asked("A").len(), 2);
}

#[tokio::test]
async fn slow_file_delays_no_other_file() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    for id in ["S1", "S2", "S3"] {
        files.gateway.reply(id, Reply::Pauses(Duration::from_secs(60)));
        files.message(&chat, id, json!({})).await;
    }
    let begun = Instant::now();
    for id in ["A", "B", "C"] {
        let media = files.fetched(&chat, id, json!({"mimetype": "image/jpeg"}), jpeg()).await;
        assert_eq!(media["state"], "stored");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn same_bytes_are_stored_once_and_deleted_with_the_last_message() {
    let files = Files::start(&[]).await;
    let (first, second) = (files.world.chat("Asha").await, files.world.chat("Ravi").await);
    let image = || json!({"mimetype": "image/jpeg"});
    files.fetched(&first, "A", image(), jpeg()).await;
    let kept = files.fetched(&second, "B", image(), jpeg()).await;
    files.fetched(&second, "C", image(), Reply::Bytes(Bytes::from_static(b"\xff\xd8\xff other"))).await;
    assert_eq!(files.objects().len(), 2);
    files.world.rest().delete(&first.session_path).await.expect(204);
    files.media.delete_unused().await.expect("the store");
    assert_eq!(files.objects().len(), 2);
    files.world.rest().get(path(&kept)).await.expect(200);
    // Deleted for everyone.
    let deleted = json!({"session": files.world.org.numbers[0], "deleteMessage":
        {"message": {"id": "B", "chat": second.jid}}});
    files.world.import(&files.world.org, &[deleted]);
    files.until_objects(1).await;
    files.world.rest().get(path(&kept)).await.expect(404);
    assert_eq!(files.media_of(&second, "B").await, Value::Null);
    files.enqueue(&second, "B", image()).await;
    assert_eq!(files.world.sql().count("media"), 1);
    let manager = files.world.anonymous().token(&files.world.key("send,manage").await);
    manager.delete(format!("/api/v1/sessions/{}", files.world.org.sessions[0])).await.expect(204);
    files.until_objects(0).await;
    assert_eq!((files.world.sql().count("media"), files.world.sql().count("media_objects")), (0, 0));
}

#[tokio::test]
async fn oldest_files_of_too_many_bytes_expire() {
    let files = Files::start(&[("media-max-bytes", "100KiB"), ("media-retention", "1s")]).await;
    let chat = files.world.chat("Asha").await;
    let first = files.fetched(&chat, "A", json!({}), Reply::Stream(40 * 1024)).await;
    // The server cleans up at least once a second.
    until("the file has expired", async || files.media_of(&chat, "A").await["state"] == "expired").await;
    let answer = files.world.rest().get(path(&first)).await.expect(410).json();
    assert_eq!(answer["message"], "the file has expired: it is kept no longer");
    files.until_objects(0).await;
}

#[tokio::test]
async fn oldest_file_is_evicted_above_the_bytes_of_an_organization() {
    let files = Files::start(&[("media-max-bytes", "100KiB")]).await;
    let chat = files.world.chat("Asha").await;
    // The server cleans up every half a minute.
    let media = async |id: &str| files.media_of(&chat, id).await;
    for (id, bytes) in [("A", 40 * 1024), ("B", 40 * 1024 + 1), ("C", 40 * 1024 + 2)] {
        files.fetched(&chat, id, json!({}), Reply::Stream(bytes)).await;
    }
    let is_evicted = async || media("A").await["state"] != "stored";
    until_within(Duration::from_secs(180), "a file is evicted", is_evicted).await;
    files.world.rest().get(path(&media("A").await)).await.expect(410);
    files.until_objects(2).await;
    for (id, bytes) in [("B", 40 * 1024 + 1), ("C", 40 * 1024 + 2)] {
        assert_eq!(
            files.world.rest().get(path(&media(id).await)).await.expect(200).body.len(),
            bytes,
            "{id}"
        );
    }
}

#[tokio::test]
async fn large_file_takes_little_memory() {
    let files = Files::start(&[]).await;
    let chat = files.world.chat("Asha").await;
    let before = memory(std::process::id(), "VmHWM");
    let media = files.fetched(&chat, "A", json!({}), Reply::Stream(100 * 1024 * 1024)).await;
    assert_eq!((&media["state"], &media["size"]), (&json!("stored"), &json!(104_857_600)));
    let fetching = memory(std::process::id(), "VmHWM") - before;
    let before = memory(files.world.process_id(), "VmHWM");
    let rest = files.world.rest();
    let part = rest.with("range", "bytes=104857598-").get(path(&media)).await.expect(206);
    assert_eq!(part.body.len(), 2);
    files.read_slowly(path(&media)).await;
    let serving = memory(files.world.process_id(), "VmHWM") - before;
    println!("100 MiB: fetched with {fetching} KiB more, served with {serving} KiB more");
    assert!(fetching < 32 * 1024 && serving < 16 * 1024, "{fetching} {serving}");
}

#[tokio::test]
async fn merged_chats_keep_their_files() {
    let files = Files::start(&[]).await;
    let lid = crate::support::Chat {
        jid: "189412345001@lid".to_owned(),
        path: "/v1/chats/189412345001@lid".to_owned(),
        ..files.world.missing_chat_of(&files.world.org)
    };
    let person = files.world.chat("Asha").await;
    let media = files.fetched(&lid, "A", json!({"mimetype": "image/jpeg"}), jpeg()).await;
    files.fetched(&person, "B", json!({"mimetype": "image/jpeg"}), jpeg()).await;
    let session = &files.world.org.numbers[0];
    let link = json!({"session": session, "address": {"lid": lid.jid, "jid": person.jid}});
    files.world.import(&files.world.org, &[link]);
    assert_eq!(files.media_of(&person, "A").await, media);
    files.world.rest().get(path(&media)).await.expect(200);
}
