//! The requests that the client of WAHA makes, and what it makes of the responses.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::json;
use switchboard::actions::commands::Change;
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::{
    ChatChange, Gateway, GatewayError, Lookup, MediaError, MediaSource, SendError,
};
use switchboard::instant::Instant;
use switchboard::pb::ingest_event::{ConnectionStatus, Event};

use super::server::{KEY, Waha, text};
use super::{ASHA, TEAM, gateway, gateway_at, incoming};

#[tokio::test]
async fn changes_of_chats_are_applied() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", 1_760_000_000));
    let chat = ASHA.parse().expect("a chat");
    let change = |change| ChatChange { change, last_incoming: vec![incoming("3EB0A")] };
    for of in [Change::Archived(true), Change::Archived(false), Change::Read(None), Change::Unread] {
        gateway.change(&chat, &change(of)).await.expect("changed");
    }
    assert_eq!(waha.calls("/api/sendSeen")[0].body["messageIds"], json!([format!("false_{ASHA}_3EB0A")]));
    assert_eq!(waha.state().chats[ASHA]["unreadCount"], -1);
    for of in [Change::Pinned(true), Change::Muted(None)] {
        let error = gateway.change(&chat, &change(of)).await.expect_err("unsupported");
        assert!(matches!(error, SendError::Unsupported { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn webhook_is_set_once_and_others_stay() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    let other = json!({ "url": "https://n8n.acme.example/hook", "events": ["message"] });
    waha.state().config["webhooks"] =
        json!([other, { "url": "http://old.acme.example/connect/waha/1", "events": [] }]);
    for _ in 0..2 {
        gateway.set_webhook("https://inbox.acme.example/connect/waha/1").await.expect("set");
    }
    let config = waha.state().config.clone();
    assert_eq!((config["webhooks"].as_array().map(Vec::len), &config["webhooks"][0]), (Some(2), &other));
    assert_eq!(config["webhooks"][1]["hmac"]["key"], "0123456789abcdef0123456789abcdef");
    assert_eq!(config["metadata"]["shop"], "1");
    let changes = waha.calls("/api/sessions").iter().filter(|call| call.method == "PUT").count();
    assert_eq!(changes, 1, "a session restarts when its settings change");
}

#[tokio::test]
async fn state_says_what_is_wrong() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    assert_eq!(gateway.state().await.expect("a state").status, ConnectionStatus::Connected);
    waha.state().status = "SCAN_QR_CODE";
    let state = gateway.state().await.expect("a state");
    assert!(state.status == ConnectionStatus::LoggedOut && state.reason.contains("QR code"), "{state:?}");
    let wrong_key = gateway_at(waha.url(), "wrong", Duration::from_secs(5));
    assert_eq!(wrong_key.state().await, Err(GatewayError::Unauthorized));
    let other_host = gateway_at("http://localhost:1".to_owned(), KEY, Duration::from_secs(5));
    assert_eq!(other_host.state().await, Err(GatewayError::NotAllowed));
}

#[tokio::test]
async fn media_comes_from_the_connections_own_host() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    let id = format!("false_{ASHA}_3EB0M");
    let source = |url: Option<&str>| MediaSource {
        chat: ASHA.to_owned(),
        message_id: "3EB0M".to_owned(),
        from_me: false,
        author: None,
        locator: json!({ "url": url, "message": id }),
        mime_type: None,
        file_name: None,
        size: None,
        sha256: None,
        stored: None,
    };
    waha.state().files.insert("/api/files/a.bin".to_owned(), Bytes::from_static(b"abcdef"));
    let mut message = text(&id, "", 1_760_000_000);
    message["media"] = json!({ "url": "http://localhost:3000/api/files/a.bin" });
    waha.state().add(message);
    // Its host is WAHA's own idea, the second one is gone, and the third message came without a file.
    for url in
        [Some("http://localhost:3000/api/files/a.bin"), Some("http://localhost:3000/api/files/gone"), None]
    {
        let file = gateway.media(&source(url), 6).await.map_err(|error| format!("{url:?}: {error:?}"));
        let pieces: Vec<Bytes> = file.expect("a file").body.try_collect().await.expect("its bytes");
        assert_eq!(pieces.concat(), b"abcdef", "{url:?}");
    }
    assert_eq!(gateway.media(&source(None), 5).await.err(), Some(MediaError::TooLarge));
    for url in
        ["https://s3.acme.example/a.bin", "http://x/api/../sessions/default", "http://x/api/%2e%2e/secret"]
    {
        let error = gateway.media(&source(Some(url)), 6).await.err();
        assert!(matches!(error, Some(MediaError::Rejected(_))), "{url}: {error:?}");
    }
    waha.state().messages.clear();
    assert_eq!(gateway.media(&source(None), 6).await.err(), Some(MediaError::Expired));
}

/// Pulls everything. Returns the events and the number of pages.
pub async fn pulled(gateway: &dyn Gateway, since: Option<Instant>) -> (Vec<Event>, usize) {
    let (mut events, mut pages, mut cursor) = (Vec::new(), 0, None);
    let budget = Budget::per_minute(60_000);
    loop {
        let page = gateway.pull(since, cursor.as_ref(), &budget).await.expect("a page");
        pages += 1;
        events.extend(page.mapped.events.into_iter().filter_map(|event| event.event));
        cursor = page.cursor;
        if cursor.is_none() {
            return (events, pages);
        }
        assert!(pages < 1000, "the history has no end");
    }
}

#[tokio::test]
async fn history_is_pulled_completely_with_read_marks_first() {
    for has_all in [true, false] {
        let waha = Waha::start().await;
        waha.state().has_all = has_all;
        for n in 0..2_600_i64 {
            let id = format!("false_1555010{:04}@c.us_3EB0{n:06}", 1000 + n % 130);
            // Hundreds of messages of one second are more than a page.
            waha.state().add(text(&id, "hi", 1_760_000_000 + n / 700));
        }
        waha.state().lids.push(json!({ "lid": "5566@lid", "pn": "15550101000@c.us" }));
        waha.state()
            .contacts
            .push(json!({ "id": "15550101000@c.us", "name": "Asha Rao", "pushname": "Asha" }));
        let member =
            json!({ "id": "5566@lid", "phoneNumber": "15550101000@s.whatsapp.net", "admin": "admin" });
        waha.state().groups.push(json!({ "id": TEAM, "subject": "Team", "participants": [member] }));
        waha.state().chats.get_mut("15550101001@c.us").expect("a chat")["unreadCount"] = 2.into();
        let gateway = gateway(&waha);
        let (events, _) = pulled(&*gateway, None).await;
        let mut messages = BTreeMap::<String, usize>::new();
        let (mut reads, mut late_reads) = (0, 0);
        for event in &events {
            if let Event::Message(message) = event {
                *messages.entry(message.id.clone()).or_default() += 1;
            } else if let Event::Read(_) = event {
                *(if messages.is_empty() { &mut reads } else { &mut late_reads }) += 1;
            }
        }
        assert_eq!((messages.len(), reads, late_reads), (2_600, 130, 0), "all: {has_all}");
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Contact(it) if it.name.as_deref() == Some("Asha Rao")))
        );
        let has_admin = |event: &Event| matches!(event, Event::Chat(it) if it.members.as_ref().is_some_and(|it| it.members[0].is_admin));
        assert!(events.iter().any(has_admin));
        let since = Instant::from_micros((1_760_000_002 + 3600) * 1_000_000);
        let (events, _) = pulled(&*gateway, Some(since)).await;
        let late = events.iter().filter(|event| matches!(event, Event::Message(_))).count();
        assert_eq!(late, 2_600 - 1_400, "all: {has_all}");
    }
}

#[tokio::test]
async fn lookups_answer_with_members_and_phone_numbers() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    waha.state().lids.push(json!({ "lid": "5566@lid", "pn": "15550101844@c.us" }));
    waha.state().groups.push(json!({ "id": TEAM, "subject": "Team", "participants": [{ "id": "5566@lid", "pn": ASHA, "role": "superadmin" }] }));
    let lid = gateway.follow_up(&Lookup::Lid("5566@lid".to_owned())).await.expect("a number");
    assert!(matches!(&lid[0].event, Some(Event::Address(link)) if link.jid == ASHA), "{lid:?}");
    let group = gateway.follow_up(&Lookup::Group(TEAM.to_owned())).await.expect("a group");
    let Some(Event::Chat(chat)) = &group[1].event else { panic!("{group:?}") };
    let member = &chat.members.as_ref().expect("members").members[0];
    assert!(member.is_super_admin && member.id == ASHA && chat.name.as_deref() == Some("Team"), "{chat:?}");
    let unknown = gateway.follow_up(&Lookup::Group("1@g.us".to_owned())).await;
    assert!(matches!(unknown, Err(GatewayError::NotFound(_))), "{unknown:?}");
}
