//! The inbox of an organization with ten thousand chats, with a hundred thousand, and with a chat of many messages.

use std::process::Command;

use serde_json::json;

use crate::support::{Chat, World, fill_lists};

use super::{Dialogue, must_be_ok, node};

/// `COUNT` chats of a session with a message each, in the order of their numbers: every fourth is assigned and every fifth
/// closed, every third unread, every fiftieth has a label, every hundredth is a group, and those of `ARCHIVED` are archived.
const FILL: &str = "
    INSERT INTO labels (org_id, label_id, name, label_key) VALUES (ORG, 'label-vipvipvipvipvipv', 'VIP', 'vip');
    INSERT INTO chats (org_id, chat_id, type, name, search_key, assignee, closed_at)
        SELECT ORG, CASE WHEN n % 100 = 0 THEN (120363300000000000 + n) || '@g.us' ELSE (15552000000 + n) || '@c.us' END,
            CASE WHEN n % 100 = 0 THEN 'group' ELSE 'user' END, 'Person ' || n, 'person ' || n,
            CASE WHEN n % 4 = 0 THEN MEMBER END, CASE WHEN n % 5 = 0 THEN now() END
        FROM generate_series(1, COUNT) n ON CONFLICT DO NOTHING;
    INSERT INTO chat_addresses (org_id, address, chat_key) SELECT org_id, chat_id, chat_key FROM chats WHERE org_id = ORG;
    INSERT INTO session_chats (org_id, session_id, chat_key, archived, unread, latest_message_id, last_message_at)
        SELECT org_id, SESSION, chat_key, ARCHIVED, CASE WHEN n % 3 = 0 THEN 2 ELSE 0 END, 'M' || n,
            '2026-01-01Z'::timestamptz + n * interval '1 minute'
        FROM (SELECT *, split_part(name, ' ', 2)::integer AS n FROM chats WHERE org_id = ORG) c
        ON CONFLICT DO NOTHING;
    INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, ack, from_me, sender, type, body)
        SELECT h.org_id, h.session_id, h.chat_key, h.latest_message_id, h.last_message_at, 4, false, c.chat_id, 'chat',
            'This is the newest message of ' || c.name
        FROM session_chats h JOIN chats c USING (org_id, chat_key) WHERE h.org_id = ORG
        ON CONFLICT DO NOTHING;
    UPDATE session_chats s SET latest_arrival = m.arrival FROM messages m
        WHERE s.org_id = ORG AND m.org_id = s.org_id AND m.session_id = s.session_id AND m.chat_key = s.chat_key;
    INSERT INTO chat_labels (org_id, chat_key, label_id)
        SELECT org_id, chat_key, 'label-vipvipvipvipvipv' FROM chats WHERE org_id = ORG AND split_part(name, ' ', 2)::integer % 50 = 0;";

/// Messages of one chat, a minute apart, from persons and the session in turn, of one to forty words.
const CONVERSATION: &str = "
    INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, ack, from_me, sender, type, body)
        SELECT h.org_id, h.session_id, h.chat_key, 'L' || n, '2026-01-01Z'::timestamptz + n * interval '1 minute', 4, n % 7 < 3, CHAT,
            'chat', 'Message ' || n || repeat(' and some more words', n % 13)
        FROM session_chats h JOIN chats c USING (org_id, chat_key), generate_series(1, COUNT) n
        WHERE h.org_id = ORG AND h.session_id = SESSION AND c.chat_id = CHAT;
    UPDATE session_chats s SET latest_message_id = m.message_id, last_message_at = m.sent_at, latest_arrival = m.arrival
        FROM messages m WHERE m.org_id = ORG AND m.message_id = 'L' || COUNT
            AND s.org_id = m.org_id AND s.session_id = m.session_id AND s.chat_key = m.chat_key;";

/// A service with that many chats; `archived` is a condition of the chat's number `n`.
async fn with_chats(count: usize, archived: &str) -> World {
    let world = World::start().await;
    let org = &world.org;
    let fill = FILL.replace("COUNT", &count.to_string()).replace("ARCHIVED", archived);
    let fill = fill.replace("MEMBER", &format!("'{}'", org.members[0]));
    filled(&world, &fill);
    world
}

/// Runs statements for the organization of a service, and brings its lists up to date.
fn filled(world: &World, statements: &str) {
    let org = &world.org;
    let statements = statements.replace("SESSION", &format!("'{}'", org.sessions[0]));
    world.sql().run_as(&org.id, &statements.replace("ORG", &format!("'{}'", org.id)));
    world.sql().run_as(&org.id, &fill_lists(&format!("org_id = '{}'", org.id)));
    world.admin().run("ANALYZE");
}

/// A script that opens the inbox of a service, with scrollbars that can be dragged.
async fn inbox(world: &World, script: &str) -> Command {
    let mut client = node(script);
    client.env("SERVICE", world.url()).env("TOKEN", world.key("read,manage").await);
    client.env("EMAIL", &world.org.members[0]).env("SCROLLBARS", "shown");
    client
}

/// Runs it and prints its figures.
fn run(client: &mut Command) {
    let output = client.output().expect("node: run make test");
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    must_be_ok(&output);
}

#[tokio::test]
async fn a_list_of_a_hundred_thousand_chats_scrolls_evenly() {
    let world = with_chats(100_000, "false").await;
    run(inbox(&world, "web/inbox-frames.mjs").await.env("CHATS", "100000"));
}

#[tokio::test]
async fn a_long_conversation_is_read_without_jumps() {
    const MESSAGES: &str = "20000";
    let world = World::start().await;
    let Chat { id, .. } = world.chat("Asha Rao").await;
    filled(&world, &CONVERSATION.replace("CHAT", &format!("'{id}'")).replace("COUNT", MESSAGES));
    run(inbox(&world, "web/inbox-long.mjs").await.env("CHAT", id).env("MESSAGES", MESSAGES));
}

#[tokio::test]
async fn the_inbox_is_fast_with_ten_thousand_chats() {
    let world = with_chats(10_000, "n % 2 = 1").await;
    let org = &world.org;
    let mut client = Dialogue::start(&mut inbox(&world, "web/inbox-size.mjs").await);
    if let Some(chats) = client.text.strip_prefix("waiting for messages of ") {
        let message = |(minute, chat): (u64, &str)| {
            let timestamp = 1_770_000_000_000 + minute * 60_000;
            let message = json!({
                "id": format!("W{minute}"), "chat": chat, "fromMe": false, "type": "chat", "body": "Hello", "timestamp": timestamp,
            });
            json!({"session": org.numbers[0], "message": message})
        };
        let messages: Vec<_> = (0..).zip(chats.split_whitespace()).map(message).collect();
        world.import(org, &messages);
        client.answer("here they are");
    }
    let output = client.end();
    // The figures.
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    must_be_ok(&output);
}
