//! What the gateway asks the Graph API for: the line, its webhook, groups and media.

use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::json;
use switchboard::actions::commands::Change;
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::{ChatChange, GatewayError, Lookup, MediaError, MediaSource, SendError};
use switchboard::instant::Instant;
use switchboard::pb::ingest_event::{ConnectionStatus, Event};

use super::graph::{ACCOUNT, Failure, File, Graph, NUMBER, TOKEN};
use super::{gateway, gateway_with, quoted};

#[tokio::test]
async fn only_reading_is_passed_on() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    let chat = "15550101844@c.us".parse().expect("a chat");
    let change =
        |change| ChatChange { change, last_incoming: vec![quoted("wamid.NEW"), quoted("wamid.OLD")] };
    gateway.change(&chat, &change(Change::Read(Some(Instant::now())))).await.expect("read");
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.NEW"});
    assert_eq!(graph.calls("/messages").pop().expect("a call").json, read);
    for other in [Change::Unread, Change::Archived(true), Change::Pinned(true), Change::Muted(None)] {
        let outcome = gateway.change(&chat, &change(other)).await;
        assert!(matches!(outcome, Err(SendError::Unsupported { .. })), "{outcome:?}");
    }
    assert_eq!(graph.calls("/messages").len(), 1);
}

#[tokio::test]
async fn state_is_that_of_the_phone_number() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    for (status, expected) in [
        ("CONNECTED", ConnectionStatus::Connected),
        ("FLAGGED", ConnectionStatus::Connected),
        ("PENDING", ConnectionStatus::Connecting),
        ("BANNED", ConnectionStatus::LoggedOut),
        ("DISCONNECTED", ConnectionStatus::Disconnected),
    ] {
        graph.set_number("status", status);
        let state = gateway.state().await.expect("a state");
        assert_eq!(state.status, expected, "{status}");
        assert_eq!(state.reason.is_empty(), status == "CONNECTED", "{status}");
    }
    let wrong_token = gateway_with(&graph, "wrong", ACCOUNT).state().await;
    assert_eq!(wrong_token, Err(GatewayError::Unauthorized));
    graph.fail(NUMBER, Failure::Error(400, 100, "Unsupported get request", None));
    assert!(matches!(gateway.state().await, Err(GatewayError::NotFound(_))));
    graph.fail(NUMBER, Failure::Garbage(503));
    assert!(matches!(gateway.state().await, Err(GatewayError::Unavailable { .. })));
    graph.set_number("display_phone_number", "+1 555-010-0499");
    assert!(matches!(gateway.state().await, Err(GatewayError::Unexpected(_))));
}

#[tokio::test]
async fn webhook_is_set_for_the_account_or_the_number() {
    let graph = Graph::start().await;
    let url = "https://switchboard.acme.example/connect/cloud_api/1";
    let target = json!({"override_callback_uri": url, "verify_token": "verify me"});
    gateway(&graph).set_webhook(url).await.expect("set");
    assert_eq!(graph.calls("2040/subscribed_apps").pop().expect("a call").json, target);
    gateway_with(&graph, TOKEN, "").set_webhook(url).await.expect("set");
    assert_eq!(graph.calls(NUMBER).pop().expect("a call").json, json!({"webhook_configuration": target}));
    let long = format!("{url}{}", "1".repeat(200));
    assert!(matches!(gateway(&graph).set_webhook(&long).await, Err(GatewayError::Unsupported(_))));
}

#[tokio::test]
async fn phone_is_asked_once_for_its_history() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    let budget = Budget::per_minute(60_000);
    let pulled = gateway.pull(None, None, &budget).await.expect("a page");
    assert_eq!((pulled.cursor, graph.calls("/smb_app_data").len()), (None, 0));
    graph.set_number("is_on_biz_app", true);
    gateway.pull(None, None, &budget).await.expect("a page");
    let asked: Vec<_> =
        graph.calls("/smb_app_data").iter().map(|call| call.json["sync_type"].clone()).collect();
    assert_eq!(asked, ["smb_app_state_sync", "history"]);
    let calls = graph.calls("").len();
    gateway.pull(Some(Instant::now()), None, &budget).await.expect("a page");
    assert_eq!(graph.calls("").len(), calls, "later there is nothing to ask for");
    graph.fail("/smb_app_data", Failure::Error(400, 2_593_107, "Sync already requested", None));
    gateway.pull(None, None, &budget).await.expect("a page");
}

#[tokio::test]
async fn group_has_its_name_and_members() {
    let graph = Graph::start().await;
    let lookup = Lookup::Group("120363404694233820@g.us".to_owned());
    let events = gateway(&graph).follow_up(&lookup).await.expect("a group");
    let Some(Event::Chat(chat)) = &events[0].event else { panic!("{events:?}") };
    let members: Vec<_> =
        chat.members.iter().flat_map(|list| &list.members).map(|member| &*member.id).collect();
    assert_eq!(chat.name.as_deref(), Some("Buyers"));
    assert_eq!(members, ["15550100400@c.us", "15550101844@c.us", "15550101845@c.us"]);
}

#[tokio::test]
async fn media_is_fetched_in_two_requests() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    let bytes = Bytes::from(vec![7; 300_000]);
    let file = |url: Option<&str>| File {
        mime_type: "image/jpeg".to_owned(),
        bytes: bytes.clone(),
        url: url.map(str::to_owned),
    };
    graph.add_file("900", file(None));
    graph.add_file("901", file(Some("http://127.0.0.1:1/files/901")));
    graph.add_file("902", file(Some("http://169.254.169.254/latest/meta-data")));
    graph.add_file("903", file(Some(&format!("{}/files/gone", graph.url()))));
    let source = |id: &str| MediaSource {
        chat: "15550101844@c.us".to_owned(),
        message_id: "wamid.NEW".to_owned(),
        from_me: false,
        author: None,
        locator: json!({"id": id}),
        mime_type: None,
        file_name: None,
        size: None,
        sha256: None,
        stored: None,
    };
    let body = gateway.media(&source("900"), 300_000).await.expect("a file");
    assert_eq!((body.mime_type.as_deref(), body.size), (Some("image/jpeg"), Some(300_000)));
    let chunks: Vec<Bytes> = body.body.try_collect().await.expect("bytes");
    assert_eq!(chunks.concat(), bytes);
    let error = |outcome: Result<_, MediaError>| {
        outcome.map(|_: switchboard::connect::gateway::MediaBody| ()).expect_err("no file")
    };
    assert_eq!(error(gateway.media(&source("900"), 299_999).await), MediaError::TooLarge);
    graph.fail("904", Failure::Garbage(404));
    assert_eq!(error(gateway.media(&source("904"), 300_000).await), MediaError::Expired);
    assert_eq!(error(gateway.media(&source("903"), 300_000).await), MediaError::Expired);
    for id in ["901", "902", "../1", ""] {
        let error = error(gateway.media(&source(id), 300_000).await);
        assert!(matches!(error, MediaError::Rejected(_)), "{id}: {error:?}");
    }
    graph.fail("900", Failure::Garbage(503));
    // Meta answers alike for a file that it has deleted, and for one that the token has no permission for.
    for id in ["900", "404"] {
        let error = error(gateway.media(&source(id), 300_000).await);
        assert!(matches!(error, MediaError::Unavailable(_)), "{id}: {error:?}");
    }
}
