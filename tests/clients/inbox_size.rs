//! The inbox of an organization with ten thousand chats.

use serde_json::json;

use crate::support::{World, fill_lists};

use super::{Dialogue, must_be_ok, node};

/// Ten thousand chats of a session with a message each, in the order of their numbers: every fourth is assigned and every fifth
/// closed, every third unread, every fiftieth has a label, every hundredth is a group, and half are archived.
const FILL: &str = "
    INSERT INTO labels (org_id, label_id, name, label_key) VALUES (ORG, 'label-vipvipvipvipvipv', 'VIP', 'vip');
    INSERT INTO chats (org_id, chat_id, type, name, search_key, assignee, closed_at)
        SELECT ORG, CASE WHEN n % 100 = 0 THEN (120363300000000000 + n) || '@g.us' ELSE (15552000000 + n) || '@c.us' END,
            CASE WHEN n % 100 = 0 THEN 'group' ELSE 'user' END, 'Person ' || n, 'person ' || n,
            CASE WHEN n % 4 = 0 THEN MEMBER END, CASE WHEN n % 5 = 0 THEN now() END
        FROM generate_series(1, 10000) n ON CONFLICT DO NOTHING;
    INSERT INTO chat_addresses (org_id, address, chat_key) SELECT org_id, chat_id, chat_key FROM chats WHERE org_id = ORG;
    INSERT INTO session_chats (org_id, session_id, chat_key, archived, unread, latest_message_id, last_message_at)
        SELECT org_id, SESSION, chat_key, n % 2 = 1, CASE WHEN n % 3 = 0 THEN 2 ELSE 0 END, 'M' || n,
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

#[tokio::test]
async fn the_inbox_is_fast_with_ten_thousand_chats() {
    let world = World::start().await;
    let org = &world.org;
    let fill =
        FILL.replace("ORG", &format!("'{}'", org.id)).replace("SESSION", &format!("'{}'", org.sessions[0]));
    world.sql().run_as(&org.id, &fill.replace("MEMBER", &format!("'{}'", org.members[0])));
    world.sql().run_as(&org.id, &fill_lists(&format!("org_id = '{}'", org.id)));
    world.admin().run("ANALYZE");
    let mut client = node("web/inbox-size.mjs");
    client.env("SERVICE", world.url()).env("TOKEN", world.key("read,manage").await);
    client.env("EMAIL", &org.members[0]);
    let mut client = Dialogue::start(&mut client);
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
