//! An organization with every kind of stored data: the demo and additions.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use switchboard::config::Secret;
use switchboard::store::{PoolOptions, Store};

use super::TestOrg;
use crate::support::{Cluster, Database, Rest, Server};

const PERSON: &str = "15550107001@s.whatsapp.net";
const LID: &str = "189412347001@lid";
const GROUP: &str = "120363400000007001@g.us";

/// The demo organization with the additions.
pub async fn rich_organization() -> TestOrg {
    let database = Cluster::get().await.migrated_database().await;
    let data_dir = std::env::temp_dir().join(format!("sb-rich-{}", uuid::Uuid::now_v7().simple()));
    let demo = database.cli(&["demo", "--json", "--data-dir", data_dir.to_str().expect("UTF-8")]);
    let _ = std::fs::remove_dir_all(&data_dir);
    let demo: Value = serde_json::from_str(&demo).expect("JSON");
    let org = demo["orgId"].as_str().expect("an id").to_owned();
    // Files are not exported.
    database.sql().run_as(&org, "DELETE FROM media");

    import(&database, &org, &events());
    let server = Server::start(&database, "127.0.0.1:0", &[]).await;
    let rest = Rest::new(server.address).token(&database.create_key(&org, "read,send,manage", &[]));
    organize(&rest, demo["sessions"][0]["sessionId"].as_str().expect("an id")).await;
    drop(server);
    // The chat was marked unread before.
    import(&database, &org, &[message("AFTER", "15550107004@c.us", false, 8)]);
    database.sql().run_as(
        &org,
        "UPDATE sessions SET lid = '189412340400@lid' WHERE phone = '15550100400';
         UPDATE chats SET closed_at = '2026-01-02T03:04:05.678901Z', hubspot_metadata = '{\"deal\": {\"n\": [1, 2.5]}}'
         WHERE chat_id = '15550107001@c.us'",
    );
    let store = Store::new(Secret::new(&database.url), PoolOptions::background(4));
    TestOrg { database, store, org: org.parse().expect("an id") }
}

fn import(database: &Database, org: &str, events: &[Value]) {
    let mut command = database.command(&["import", "-", "--org", org]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary");
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    child.stdin.take().expect("piped").write_all(lines.join("\n").as_bytes()).expect("the process reads");
    assert!(child.wait().expect("the binary").success());
}

fn message(id: &str, chat: &str, from_me: bool, second: i64) -> Value {
    json!({"session": "15550100400", "message": {
        "id": id, "chat": chat, "fromMe": from_me, "timestamp": 1_737_976_000_000 + second * 1000}})
}

fn with(mut event: Value, fields: Value) -> Value {
    let message = event["message"].as_object_mut().expect("a message");
    message.extend(fields.as_object().expect("an object").clone());
    event
}

fn of_first(event: Value) -> Value {
    let mut line = json!({"session": "15550100400"});
    line.as_object_mut().expect("an object").extend(event.as_object().expect("an object").clone());
    line
}

/// Every key of a message that the demo does not use.
fn whole_message() -> Value {
    let one_half = json!({
        "sender": "15550100400@c.us", "type": "chat", "body": "All \"of\" it\n\u{1f600}", "ack": "-1",
        "updatedAt": 1_737_976_090_693.25, "author": "15550100400@c.us", "broadcast": false, "broadcastId": "b",
        "deviceType": "web", "duration": "12", "flagMetadata": {"by": "x"}, "flagResponseTime": 77,
        "flagStatus": true, "forwardingScore": 3, "from": "15550100400@c.us", "hasMedia": true,
        "hasQuotedMsg": true, "hasReaction": false, "inviteV4": {"code": "c"}, "isDeleted": false,
        "isEphemeral": true, "isForwarded": true,
    });
    let other_half = json!({
        "isGif": false, "isStarred": true, "isStatus": false, "links": [{"link": "https://acme.example"}],
        "location": {"lat": 12.5, "lng": -7}, "media": {"size": 12}, "mediaKey": "k", "mentionedIds": [],
        "messageTicketId": "t", "orderId": "o", "performedBy": "agent@acme.example", "pollInfo": {"q": "?"},
        "pollResults": [1], "prevBody": "Some of it", "quotedMessageId": "A", "rawData": {"a": [null, true]},
        "sentMessageId": "s", "to": "15550107001@c.us", "token": "z", "vcards": ["v"],
        "deliveryInfo": {
            "delivered": {"15550107001@c.us": 1_737_976_082_277_i64}, "pending": ["15550101002@c.us"],
        },
    });
    with(with(message("WHOLE", PERSON, true, 50), one_half), other_half)
}

fn events() -> Vec<Value> {
    let receipt = |id: &str, kind: &str| json!({"receipt": {"message": {"id": id, "chat": PERSON}, "by": PERSON, "kind": kind, "at": 1_737_976_099_123_i64}});
    let edit = |id: &str, at: i64, body: &str| json!({"edit": {"message": {"id": id, "chat": PERSON}, "body": body, "at": at}});
    let reaction = |id: &str, by: &str, emoji: &str| json!({"reaction": {"message": {"id": id, "chat": PERSON}, "by": by, "emoji": emoji, "at": 9}});
    let mut events = vec![
        // A person with chats under LID and phone number; a link without a chat; a person known by LID only.
        message("L1", LID, false, 1),
        message("P1", PERSON, false, 2),
        of_first(json!({"address": {"lid": LID, "jid": PERSON}})),
        of_first(json!({"address": {"lid": "189412347002@lid", "jid": "15550107002@c.us"}})),
        message("H1", "189412347003@lid", false, 3),
        with(message("V1", PERSON, false, 4), json!({"body": "new", "updatedAt": 30})),
        with(message("V1", PERSON, false, 4), json!({"body": "old", "type": "chat", "updatedAt": 10})),
        with(message("V1", PERSON, false, 4), json!({"mediaKey": "k"})),
        whole_message(),
        with(message("D1", PERSON, false, 5), json!({"body": "gone", "updatedAt": 7})),
        with(message("E1", PERSON, false, 5), json!({"body": "first"})),
        message("M1", GROUP, false, 6),
        message("ONLY-MINE", "15550107004@c.us", true, 7),
    ];
    events.extend(
        ["sent", "server", "delivered", "read", "played", "failed"]
            .map(|kind| of_first(receipt("LATER", kind))),
    );
    events.extend(
        [
            json!({"deleteMessage": {"message": {"id": "D1", "chat": PERSON}}}),
            json!({"deleteMessage": {"message": {"id": "LATER-2", "chat": PERSON}}}),
            edit("E1", 100, "second"),
            edit("E1", 200, "third"),
            edit("LATER", 100, "second"),
            edit("LATER", 200, "third"),
            reaction("E1", PERSON, "\u{1f44d}"),
            reaction("E1", "15550107002@c.us", ""),
            reaction("LATER", PERSON, "\u{2764}"),
            json!({"receipt": {"message": {"id": "ONLY-MINE", "chat": "15550107004@c.us"}, "kind": "failed", "reason": "131026", "at": 9}}),
            json!({"read": {"chat": PERSON, "upTo": 1_737_976_002_000.5}}),
            json!({"contact": {"id": "15550107001@c.us", "image": "https://images.acme.example/7001"}}),
            json!({"chat": {"jid": PERSON, "name": "Asha", "image": "https://images.acme.example/chat",
                "createdAt": 1_700_000_000_000_i64, "updatedAt": 1_737_976_090_696.758}}),
            json!({"chat": {"jid": GROUP, "type": "group", "name": "Team", "description": "All", "inviteLink": "https://i",
                "infoAdminsOnly": false, "messagesAdminsOnly": true, "addMembersAdminsOnly": false,
                "memberAddMode": "admin_add", "exited": true, "updatedAt": 1_737_900_000_000_i64, "mutedUntil": 1_700_000_000_000_i64,
                "members": [{"id": LID, "isAdmin": true}, {"id": "189412347003@lid", "isSuperAdmin": true}]}}),
            json!({"chat": {"jid": "15550107005@c.us", "type": "business"}}),
            json!({"contact": {"id": "15550107008@c.us", "name": "Old", "color": "#B4876E", "updatedAt": 1_737_976_000_000_i64}}),
            json!({"contact": {"id": "15550107008@c.us", "name": "New", "color": null, "updatedAt": 1_737_976_001_000_i64}}),
            json!({"memberChange": {"chat": GROUP, "added": ["15550107008@c.us"], "at": 1_737_950_000_000_i64}}),
            json!({"memberChange": {"chat": GROUP, "removed": [LID], "at": 1_737_950_000_000_i64}}),
            json!({"memberChange": {"chat": GROUP, "promoted": ["15550107002@c.us"], "at": 1_737_950_000_000_i64}}),
        ]
        .map(of_first),
    );
    events.extend(versions());
    events.extend(events_of_second());
    events
}

/// Messages of a group in several versions, and texts before an edit.
fn versions() -> Vec<Value> {
    let edit = |id: &str, chat: &str, body: &str| {
        of_first(json!({"edit": {"message": {"id": id, "chat": chat}, "body": body, "at": 100}}))
    };
    vec![
        with(message("G1", GROUP, false, 9), json!({"body": "first", "author": "15550107008@c.us"})),
        with(message("G2", GROUP, false, 9), json!({"body": "sent by", "sender": "15550107008@c.us"})),
        with(
            message("G2", GROUP, false, 9),
            json!({"isStarred": true, "sender": "15550107008@c.us", "updatedAt": 99}),
        ),
        with(message("CAPTION", PERSON, false, 10), json!({"prevBody": "old caption", "type": "image"})),
        with(message("CAPTION", PERSON, false, 10), json!({"prevBody": "old caption", "type": "image"})),
        with(message("SAME-TIME", PERSON, false, 11), json!({"body": "first"})),
        edit("G1", GROUP, "second"),
        edit("SAME-TIME", PERSON, "second"),
        edit("SAME-TIME", PERSON, "third"),
    ]
}

fn events_of_second() -> [Value; 2] {
    [
        json!({"chat": {"jid": PERSON, "archived": true, "mutedUntil": 1_900_000_000_000_i64}}),
        json!({"status": {"status": "logged_out", "at": 1_900_000_000_000_i64}}),
    ]
    .map(|event| {
        let mut event = of_first(event);
        event["session"] = json!("15550100401");
        event
    })
}

/// Changes that members make.
async fn organize(rest: &Rest, session: &str) {
    let send = async |method: &str, path: &str, body: Value| {
        let answer = rest.json(method, path, body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text());
        answer.json()
    };
    let organization = "/api/v1/organization";
    let colours = json!({"name": "colours", "kind": "picklist", "options": ["red", "green"]});
    send("POST", &format!("{organization}/properties"), colours).await;
    send("POST", &format!("{organization}/labels"), json!({"name": "Unused", "color": "#1FA2B3"})).await;
    let chat = json!({
        "assigned_to": "Sam@acme.example", "labels": "vip, Ünïcode",
        "custom_properties": {"colours": ["green", "red"], "next visit": "2026-12-24", "customer number": ""},
    });
    send("PATCH", "/v1/chats/15550107001@c.us", chat).await;
    for chat in ["15550107001@c.us", GROUP] {
        let note = json!({"chat_id": chat, "message": "Prefers *mornings*\nand calls"});
        send("POST", "/v1/note/create", note).await;
    }
    let access = json!({"access": {"sam@acme.example": true, "maria@acme.example": false}, "chat_ids": [PERSON, GROUP]});
    send("PATCH", "/v1/chats/access", access).await;

    let chats = format!("/api/v1/sessions/{session}/chats");
    send("PATCH", &format!("{chats}/{GROUP}"), json!({"pinned": true})).await;
    // Marked unread; read without messages; read to the end.
    for (chat, what) in [
        ("15550107004@s.whatsapp.net", "unread"),
        (GROUP, "read"),
        (GROUP, "unread"),
        ("15550107005@s.whatsapp.net", "read"),
        ("189412347003@lid", "read"),
    ] {
        send("POST", &format!("{chats}/{chat}/{what}"), Value::Null).await;
    }
}
