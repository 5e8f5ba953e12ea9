//! Lists of a session's chats and of a chat's messages: order, filters and pages.

mod filters;
mod messages;
mod paging;

use serde_json::{Value, json};
use switchboard::pb;
use tonic::Code;

use crate::support::{Rest, World, fill_lists};

/// Imports chats of the first session: name, JID, and the time in seconds of their newest message, if any.
fn furnish(world: &World, chats: &[(&str, &str, Option<i64>)]) {
    let session = &world.org.numbers[0];
    let mut events = Vec::new();
    for (name, jid, at) in chats {
        let kind = if jid.ends_with("@g.us") { "group" } else { "dm" };
        events.push(json!({"session": session, "chat": {"jid": jid, "type": kind, "name": name}}));
        if let Some(at) = at {
            let message = json!({"id": "M1", "chat": jid, "fromMe": true, "timestamp": at * 1000});
            events.push(json!({"session": session, "message": message}));
        }
    }
    world.import(&world.org, &events);
}

fn chats_of(world: &World) -> String {
    format!("/api/v1/sessions/{}/chats", world.org.sessions[0])
}

/// The names on a page.
fn names(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap_or_else(|| panic!("no data: {page}"));
    data.iter().map(|chat| chat["name"].as_str().unwrap_or_default()).collect()
}

async fn listed(rest: &Rest, path: &str, query: &str) -> Value {
    rest.get(format!("{path}?{query}")).await.expect(200).json()
}

/// `q` as a query parameter.
fn containing(part: &str) -> String {
    let escaped: String = part.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("q={escaped}")
}

#[tokio::test]
async fn pinned_chats_are_listed_before_newest_ones() {
    let world = World::start().await;
    let (rest, path) = (world.rest(), chats_of(&world));
    assert_eq!(listed(&rest, &path, "").await, json!({"data": [], "nextCursor": null}));
    furnish(
        &world,
        &[
            ("old", "15550102001@s.whatsapp.net", Some(100)),
            ("silent", "15550102002@s.whatsapp.net", None),
            ("new", "15550102003@s.whatsapp.net", Some(300)),
            ("kept", "15550102004@s.whatsapp.net", Some(50)),
            ("kept and silent", "15550102005@s.whatsapp.net", None),
            ("middle", "120363300000000001@g.us", Some(200)),
        ],
    );
    for digits in ["15550102004", "15550102005"] {
        rest.patch(format!("{path}/{digits}@s.whatsapp.net"), json!({"pinned": true})).await.expect(200);
    }
    let page = listed(&rest, &path, "").await;
    assert_eq!(names(&page), ["kept", "kept and silent", "new", "middle", "old", "silent"]);
    assert_eq!(page["nextCursor"], Value::Null);
    for chat in page["data"].as_array().expect("data") {
        let jid = chat["jid"].as_str().expect("a JID");
        assert_eq!(*chat, rest.get(format!("{path}/{jid}")).await.expect(200).json());
    }
    // Another session holds none of them.
    let other = format!("/api/v1/sessions/{}/chats", world.org.sessions[1]);
    assert_eq!(listed(&rest, &other, "").await["data"], json!([]));
}

#[tokio::test]
async fn filters_combine() {
    let world = World::start().await;
    let (rest, path) = (world.rest(), chats_of(&world));
    furnish(
        &world,
        &[
            ("plain", "15550102001@s.whatsapp.net", Some(500)),
            ("archived", "15550102002@s.whatsapp.net", Some(400)),
            ("muted", "15550102003@s.whatsapp.net", Some(300)),
            ("muted once", "15550102004@s.whatsapp.net", Some(200)),
            ("group", "120363300000000001@g.us", Some(100)),
        ],
    );
    let chat = |digits: &str| format!("{path}/{digits}@s.whatsapp.net");
    rest.patch(chat("15550102002"), json!({"archived": true, "pinned": true})).await.expect(200);
    rest.patch(chat("15550102003"), json!({"mutedUntil": 32_503_680_000_000_u64})).await.expect(200);
    rest.patch(chat("15550102004"), json!({"mutedUntil": 1})).await.expect(200);
    rest.send("POST", format!("{}/unread", chat("15550102003")), "").await.expect(200);
    for (query, expected) in [
        ("archived=true", vec!["archived"]),
        ("archived=false", vec!["plain", "muted", "muted once", "group"]),
        ("pinned=true", vec!["archived"]),
        ("pinned=false&archived=true", vec![]),
        ("muted=true", vec!["muted"]),
        ("muted=false", vec!["archived", "plain", "muted once", "group"]),
        ("unread=true", vec!["muted"]),
        ("unread=false&archived=false&type=dm", vec!["plain", "muted once"]),
        ("type=group", vec!["group"]),
        ("type=group&unread=true", vec![]),
        ("type=dm&q=MUTED", vec!["muted", "muted once"]),
        ("muted=true&unread=true&archived=false&pinned=false&type=dm&q=u", vec!["muted"]),
        ("q=", vec!["archived", "plain", "muted", "muted once", "group"]),
    ] {
        assert_eq!(names(&listed(&rest, &path, query).await), expected, "{query}");
    }
    for (query, field) in [
        ("archived=maybe", "archived"),
        ("archived=1", "archived"),
        ("type=user", "type"),
        ("type=", "type"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("cursor=x", "cursor"),
        ("q=a%00b", "q"),
        (&format!("q={}", "x".repeat(101)), "q"),
    ] {
        let answer = rest.get(format!("{path}?{query}")).await.expect(422).json();
        assert!(answer["error"]["details"][field].is_string(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn name_filter_matches_literal_substring() {
    let world = World::start().await;
    let (rest, path) = (world.rest(), chats_of(&world));
    furnish(
        &world,
        &[
            ("100% Zoë_Éclair\\Ltd", "15550102001@s.whatsapp.net", None),
            ("Плюшкин", "15550102002@s.whatsapp.net", None),
            ("李小龙", "15550102003@s.whatsapp.net", None),
            ("hidden behind the contact's name", "15550102004@s.whatsapp.net", None),
            ("Zoë's group 🎉", "120363300000000001@g.us", None),
        ],
    );
    let contact = json!({"id": "15550102004@c.us", "name": "Asha Rao"});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "contact": contact})]);
    let zoes = ["100% Zoë_Éclair\\Ltd", "Zoë's group 🎉"];
    let check = async || {
        for (part, expected) in [
            ("zoë", &zoes[..]),
            ("ZOË", &zoes),
            ("zoe\u{308}", &zoes),
            ("zoe", &zoes),
            ("éclair", &zoes[..1]),
            ("ECLAIR", &zoes[..1]),
            ("ПЛЮШКИН", &["Плюшкин"]),
            ("15550102003", &["李小龙"]),
            ("+1 (555) 010-2003", &["李小龙"]),
            ("102004", &["Asha Rao"]),
            ("120363300", &[]),
            ("%", &zoes[..1]),
            ("0% z", &zoes[..1]),
            ("_", &zoes[..1]),
            ("\\", &zoes[..1]),
            ("1__%", &[]),
            ("плюш", &["Плюшкин"]),
            ("小", &["李小龙"]),
            ("李小", &["李小龙"]),
            ("龙李", &[]),
            ("🎉", &zoes[1..]),
            ("asha rao", &["Asha Rao"]),
            ("hidden", &[]),
            ("'; DROP TABLE chats; --", &[]),
        ] {
            let page = listed(&rest, &path, &containing(part)).await;
            let mut found = names(&page);
            found.sort_unstable();
            assert_eq!(found, expected, "{part}");
        }
    };
    check().await;
    add_unnamed_chats(&world);
    check().await;
}

/// Adds more chats than the query filters one by one.
fn add_unnamed_chats(world: &World) {
    let org = &world.org.id;
    let many = format!(
        "INSERT INTO chats (org_id, chat_id, type, name)
         SELECT '{org}', (15551000000 + i) || '@c.us', 'user', 'someone' FROM generate_series(1, 3000) i
         ON CONFLICT DO NOTHING;
         INSERT INTO session_chats (org_id, session_id, chat_key, pinned)
         SELECT org_id, '{}', chat_key, true FROM chats WHERE org_id = '{org}' AND name = 'someone'
         ON CONFLICT DO NOTHING",
        world.org.sessions[0]
    );
    world.sql().run_as(org, &many);
    world.sql().run_as(org, &fill_lists(&format!("org_id = '{org}'")));
}

#[tokio::test]
async fn page_has_requested_size_and_its_own_cursor() {
    let world = World::start().await;
    let (rest, path) = (world.rest(), chats_of(&world));
    let jids: Vec<String> = (0..230).map(|at| format!("1555010{:04}@s.whatsapp.net", 3000 + at)).collect();
    let chats: Vec<_> =
        jids.iter().zip(0..).map(|(jid, at)| ("chat", jid.as_str(), (at % 3 > 0).then_some(at))).collect();
    furnish(&world, &chats);
    for (limit, expected) in
        [("", 50), ("limit=0", 1), ("limit=-5", 1), ("limit=7", 7), ("limit=1000000000000", 200)]
    {
        let page = listed(&rest, &path, limit).await;
        assert_eq!(names(&page).len(), expected, "{limit}");
        assert!(page["nextCursor"].is_string(), "{limit}");
    }
    let cursor =
        listed(&rest, &path, "limit=3&archived=false").await["nextCursor"].as_str().expect("more").to_owned();
    assert_eq!(names(&listed(&rest, &path, &format!("archived=false&cursor={cursor}")).await).len(), 50);
    let other_session = format!("/api/v1/sessions/{}/chats", world.org.sessions[1]);
    let messages = format!("{path}/{}/messages", jids[0]);
    let mut changed = cursor.clone().into_bytes();
    changed[10] ^= 1;
    let changed = String::from_utf8(changed).expect("ASCII");
    for target in [
        format!("{path}?cursor={cursor}"),
        format!("{path}?archived=true&cursor={cursor}"),
        format!("{path}?archived=false&pinned=false&cursor={cursor}"),
        format!("{path}?archived=false&q=chat&cursor={cursor}"),
        format!("{path}?archived=false&cursor={changed}"),
        format!("{path}?archived=false&cursor={}", &cursor[..cursor.len() - 1]),
        format!("{other_session}?archived=false&cursor={cursor}"),
        format!("{messages}?cursor={cursor}"),
        format!("/api/v1/sessions?cursor={cursor}"),
    ] {
        let answer = rest.get(&target).await.expect(422).json();
        assert!(answer["error"]["details"]["cursor"].is_string(), "{target}: {answer}");
    }
    let request = pb::ListSessionChatsRequest {
        session_id: world.other.sessions[0].clone(),
        archived: Some(false),
        cursor,
        ..Default::default()
    };
    let stranger = world.grpc_session_as(&world.other.key).list_session_chats(request).await;
    assert_eq!(stranger.expect_err("not theirs").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn missing_session_and_missing_chat_have_other_messages() {
    let world = World::start().await;
    let rest = world.rest();
    let missing = world.missing_chat_of(&world.org);
    for (path, message) in [
        ("/api/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats".to_owned(), "session not found"),
        (format!("/api/v1/sessions/{}/chats", world.other.sessions[0]), "session not found"),
        (
            format!("/api/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats/{}/messages", missing.jid),
            "session not found",
        ),
        (format!("{}/messages", missing.session_path), "chat not found"),
    ] {
        let answer = rest.get(&path).await.expect(404).json();
        assert_eq!(answer["error"]["message"], message, "{path}");
    }
    let mine = &world.org.sessions[1];
    let key = world.limited_key("read", std::slice::from_ref(mine));
    let limited = world.anonymous().token(&key);
    limited.get(format!("/api/v1/sessions/{mine}/chats")).await.expect(200);
    limited.get(chats_of(&world)).await.expect(404);
}
