//! Events about messages carry the message, and filters select them.

use serde_json::{Value, json};
use switchboard::pb::{ChatChange, WatchChatsRequest, WatchChatsResponse};
use tonic::Streaming;

use super::{archive, next, next_change, watch};
use crate::support::{Chat, World};

const AT: i64 = 1_737_976_076_000;

fn message(world: &World, chat: &Chat, more: Value) -> Value {
    let mut message =
        json!({"id": "M1", "chat": chat.jid, "fromMe": false, "sender": chat.id, "type": "chat"});
    for (field, value) in more.as_object().expect("an object") {
        message[field] = value.clone();
    }
    json!({"session": world.org.numbers[0], "message": message})
}

fn filtered(actions: &[&str]) -> WatchChatsRequest {
    let actions = actions.iter().map(ToString::to_string).collect();
    WatchChatsRequest { actions, ..Default::default() }
}

async fn types(watch: &mut Streaming<WatchChatsResponse>, count: usize) -> Vec<String> {
    let mut types = Vec::new();
    while types.len() < count {
        types.push(next_change(watch).await.r#type);
    }
    types
}

fn body(change: &ChatChange) -> Option<&str> {
    change.message.as_ref().expect("a message").body.as_deref()
}

#[tokio::test]
async fn events_are_read_by_key_however_much_the_tables_have_grown() {
    const CHATS: i64 = 1500;
    let world = World::start().await;
    let mut sql = world.admin();
    // What a plan for a hundred rows reads depends on luck; nothing analyzes the tables while the test runs.
    for table in ["chats", "session_chats", "events", "sessions"] {
        sql.run(&format!("ALTER TABLE {table} SET (autovacuum_enabled = false)"));
        sql.run(&format!("VACUUM ANALYZE {table}"));
    }
    let chat = world.chat("Asha").await;
    let mut watch = watch(&world, filtered(&[])).await;
    archive(&world, &chat, true).await;
    next_change(&mut watch).await;
    let read = "SELECT sum(idx_tup_read)::int8 FROM pg_stat_user_indexes WHERE relname IN ('chats', 'session_chats', 'sessions', 'messages')";
    let mut entries = || sql.value(read).as_i64().expect("a sum");
    let before = entries();
    let new = (0..CHATS).map(|n| {
        let jid = format!("1555020{n:04}@c.us");
        message(
            &world,
            &chat,
            json!({"id": format!("N{n}"), "chat": jid, "sender": jid, "body": "hello", "timestamp": AT}),
        )
    });
    world.import(&world.org, &new.collect::<Vec<_>>());
    let mut received = 0;
    while received < CHATS {
        received += i64::from(next_change(&mut watch).await.message.is_some());
    }
    // Statistics are reported after at most a second.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let read = entries() - before;
    let events = sql.count("events");
    assert!(read < 50 * events, "{read} index entries were read for {events} events");
}

#[tokio::test]
async fn message_event_carries_the_message_object() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let mut watch = watch(&world, filtered(&["message.*"])).await;
    world.import(&world.org, &[message(&world, &chat, json!({"body": "hello", "timestamp": AT}))]);
    let created = next_change(&mut watch).await;
    assert_eq!((created.r#type.as_str(), created.action.as_str()), ("message.created", "messages"));
    assert_eq!((created.chat_id.as_str(), body(&created)), (chat.id.as_str(), Some("hello")));
    let listed = world.rest().get(format!("{}/messages", chat.path)).await.expect(200).json();
    let sent = created.message.expect("a message");
    assert_eq!(listed["messages"][0]["message_id"], sent.message_id);
    assert_eq!(sent.org_phone, format!("{}@c.us", world.org.numbers[0]));

    let receipt = json!({"session": world.org.numbers[0], "message":
        {"id": "M1", "chat": chat.jid, "fromMe": false, "timestamp": AT, "ack": "4", "updatedAt": AT + 1000}});
    world.import(&world.org, &[receipt]);
    let updated = next_change(&mut watch).await;
    assert_eq!(updated.r#type, "message.updated");
    assert_eq!(updated.message.and_then(|message| message.ack).as_deref(), Some("4"));
}

#[tokio::test]
async fn deleted_message_carries_no_text() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let mut live = watch(&world, filtered(&["message.deleted"])).await;
    world.import(&world.org, &[message(&world, &chat, json!({"body": "secret words", "timestamp": AT}))]);
    let deletion = json!({"session": world.org.numbers[0], "deleteMessage":
        {"message": {"id": "M1", "chat": chat.jid}}});
    world.import(&world.org, &[deletion]);
    let deleted = next_change(&mut live).await;
    let text = format!("{deleted:?}");
    assert!(!text.contains("secret words"), "{text}");
    assert_eq!(deleted.message.and_then(|message| message.is_deleted), Some(true));
}

#[tokio::test]
async fn filters_select_types_and_groups_of_types() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let mut all = watch(&world, WatchChatsRequest::default()).await;
    let mut of_chats = watch(&world, filtered(&["chat.*"])).await;
    let mut of_messages = watch(&world, filtered(&["message.*"])).await;
    let mut older = watch(&world, filtered(&["messages"])).await;
    let mut state = watch(&world, filtered(&["chat.state"])).await;
    world.import(&world.org, &[message(&world, &chat, json!({"body": "one", "timestamp": AT}))]);
    archive(&world, &chat, true).await;
    world.import(
        &world.org,
        &[message(&world, &chat, json!({"id": "M2", "body": "two", "timestamp": AT + 1000}))],
    );
    let both = ["message.created", "message.created"];
    assert_eq!(types(&mut of_messages, 2).await, both);
    assert_eq!(types(&mut older, 2).await, both);
    assert_eq!(types(&mut state, 1).await, ["chat.state"]);
    assert_eq!(types(&mut of_chats, 1).await, ["chat.state"]);
    assert_eq!(types(&mut all, 3).await, ["message.created", "chat.state", "message.created"]);
}

#[tokio::test]
async fn reaction_is_an_event_of_its_message() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let mut watch = watch(&world, filtered(&["reaction.*"])).await;
    let reaction = |emoji: &str, at: i64| {
        json!({"session": world.org.numbers[0], "reaction": {"message": {"id": "M1", "chat": chat.jid},
            "by": chat.id, "emoji": emoji, "at": at}})
    };
    let sent = message(&world, &chat, json!({"body": "hello", "timestamp": AT}));
    world.import(&world.org, &[sent, reaction("👍", AT + 1000)]);
    world.import(&world.org, &[reaction("🎉", AT + 2000)]);
    world.import(&world.org, &[reaction("", AT + 3000)]);
    for (kind, emoji) in [("reaction.added", "🎉"), ("reaction.removed", "")] {
        let change = next_change(&mut watch).await;
        assert_eq!((change.r#type.as_str(), body(&change)), (kind, Some("hello")));
        let field = &change.changes[0];
        assert_eq!(field.field, format!("reactions.{}", chat.id));
        assert!(format!("{:?}", field.current).contains(emoji), "{field:?}");
    }
}

#[tokio::test]
async fn messages_of_one_id_are_sent_by_their_authors() {
    let world = World::start().await;
    let mut watch = watch(&world, filtered(&["message.created"])).await;
    let (session, group) = (&world.org.numbers[0], "120363040000000001@g.us");
    let of = |author: &str, body: &str| {
        json!({"session": session, "message": {"id": "M1", "chat": group, "fromMe": false, "type": "chat",
            "sender": author, "author": author, "body": body, "timestamp": AT}})
    };
    let chat = json!({"session": session, "chat": {"jid": group, "type": "group"}});
    world.import(&world.org, &[chat, of("15550102061@c.us", "one"), of("15550102062@c.us", "two")]);
    for expected in ["one", "two"] {
        assert_eq!(body(&next_change(&mut watch).await), Some(expected));
    }
}

/// The resume token of the current position.
async fn position(world: &World) -> String {
    let watch = world.grpc_chat().watch_chats(WatchChatsRequest::default()).await;
    next(&mut watch.expect("a watch").into_inner()).await.resume_token
}

#[tokio::test]
async fn event_carries_a_message_that_moved_since() {
    let world = World::start().await;
    let (session, chat) = (&world.org.numbers[0], world.chat("Asha").await);
    let (group, lid) = ("120363040000000002@g.us", "189412345678@lid");
    let resume_token = position(&world).await;
    let of = |chat: &str, body: &str| {
        json!({"session": session, "message": {"id": "M1", "chat": chat, "fromMe": false, "type": "chat",
            "sender": lid, "body": body, "timestamp": AT}})
    };
    let mut in_group = of(group, "in a group");
    in_group["message"]["author"] = json!(lid);
    let made = json!({"session": session, "chat": {"jid": group, "type": "group"}});
    world.import(&world.org, &[made, in_group, of(lid, "by LID")]);
    world.import(&world.org, &[json!({"session": session, "address": {"lid": lid, "jid": chat.jid}})]);
    let request = WatchChatsRequest { resume_token, ..filtered(&["message.created"]) };
    let mut watch = world.grpc_chat().watch_chats(request).await.expect("a watch").into_inner();
    let changes = [next_change(&mut watch).await, next_change(&mut watch).await];
    let mut bodies = [body(&changes[0]), body(&changes[1])];
    bodies.sort_unstable();
    assert_eq!(bodies, [Some("by LID"), Some("in a group")]);
}

#[tokio::test]
async fn every_visible_change_of_a_message_is_an_update() {
    let world = World::start().await;
    let (session, group) = (&world.org.numbers[0], "120363040000000003@g.us");
    let mut watch = watch(&world, filtered(&["message.*"])).await;
    let sent = |id: &str, updated_at: i64, vcards: Value| {
        json!({"session": session, "message": {"id": id, "chat": group, "fromMe": true, "type": "vcard",
            "vcards": vcards, "timestamp": AT, "updatedAt": updated_at}})
    };
    let read = |by: &str| {
        json!({"session": session, "receipt": {"message": {"id": "M1", "chat": group}, "by": by, "kind": "read",
            "at": AT + 1000}})
    };
    let made = json!({"session": session, "chat": {"jid": group, "type": "group"}});
    world.import(&world.org, &[made, sent("M1", AT, json!(["one"]))]);
    // The same report again, or only with a newer version, changes nothing; nor do receipts that leave the ack.
    for event in [
        read("15550102061@c.us"),
        read("15550102062@c.us"),
        read("15550102062@c.us"),
        sent("M1", AT + 2000, json!(["one", "two"])),
        sent("M1", AT + 2000, json!(["one", "two"])),
        sent("M1", AT + 3000, json!(["one", "two"])),
        sent("M2", AT, json!(["three"])),
    ] {
        world.import(&world.org, &[event]);
    }
    let mut updates = Vec::new();
    for expected in ["message.created", "message.updated", "message.updated", "message.created"] {
        let change = next_change(&mut watch).await;
        assert_eq!(change.r#type, expected, "{updates:#?}");
        updates.push(change);
    }
    let fields =
        updates.iter().map(|change| change.changes.iter().map(|one| one.field.as_str()).collect::<Vec<_>>());
    let fields: Vec<_> = fields.skip(1).take(2).collect();
    assert_eq!(fields, [vec!["latest_message.ack"], vec![]]);
    let message = updates[2].message.as_ref().expect("a message");
    assert_eq!(message.delivery_info.as_ref().map(|info| info.read_count), Some(2));
}
