//! Ids of another organization get the same responses as missing ids, for every RPC, id and protocol. The descriptors list
//! the RPCs.

use serde_json::Value;

use super::samples::{Ids, SAMPLE_MESSAGE, request, rest, wire};
use crate::support::{
    Chat, Method, Protocol, World, connection_id, disabled_connection, disabled_webhook, methods, note_of,
    own_message, queued_send,
};

#[tokio::test]
async fn ids_of_another_organization_equal_missing_ids() {
    let world = World::start().await;
    let theirs = Ids::of(&world.other, world.chat_of(&world.other, "Their secret").await);
    world.sql().run_as(&world.other.id, &note_of(&world.other.id, &theirs.chat.digits));
    let missing = Ids {
        session: "01J9ZX8K2QHV0M3T6R7P4N5W8C".to_owned(),
        chat: world.missing_chat_of(&world.other),
        member: "nobody@acme.example".to_owned(),
        property: "property-aaaaaaaaaaaaaaaa".to_owned(),
        label: "label-aaaaaaaaaaaaaaaa".to_owned(),
        key: "aaaaaaaaaaaa".to_owned(),
        webhook: "webhook-aaaaaaaaaaaaaaaa".to_owned(),
        dead_letter: "6999999999".to_owned(),
        connection: "0".repeat(64),
        send: "019b0000-0000-7000-8000-000000000000".to_owned(),
        failed_event: "6899999999".to_owned(),
        note: "note-aaaaaaaaaaaaaaaa".to_owned(),
        new_number: String::new(),
    };
    let before = world.sql().fingerprint_of(&world.other.id);
    for (number, method) in methods().iter().enumerate().filter(|(_, method)| !method.streams()) {
        let ours = fresh_ids(&world, number).await;
        let key = world.key("read,send,ingest,manage").await;
        for ((part, with_theirs), (_, with_missing)) in
            swaps(&ours, &theirs).into_iter().zip(swaps(&ours, &missing))
        {
            // A session may write to a number without a chat.
            let may_be_new = part == "chat" && method.path.ends_with("/SendSessionMessage");
            if may_be_new || request(method, &with_theirs) == request(method, &ours) {
                continue;
            }
            let theirs_answers = every_protocol(&world, &key, method, &with_theirs).await;
            let missing_answers = every_protocol(&world, &key, method, &with_missing).await;
            assert_eq!(theirs_answers, missing_answers, "{} reveals that {part} exists", method.path);
            let words = format!("{theirs_answers:?}");
            assert!(!words.contains("Their secret"), "{} reveals a {part}: {words}", method.path);
        }
        let good = world.anonymous_rpc(Protocol::Grpc).token(&key);
        let answer = good.call(&method.path, wire(method, &request(method, &ours))).await;
        assert_eq!(
            answer.code,
            Some(0),
            "{}: add its sample to tests/protocols/samples.rs: {answer:?}",
            method.path
        );
    }
    assert_eq!(world.sql().fingerprint_of(&world.other.id), before);
}

#[tokio::test]
async fn number_of_another_organization_equals_missing_number() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let phone_id = |session: &str| {
        let query = format!("SELECT phone_id FROM sessions WHERE session_id = '{session}'");
        world.sql().value(&query).as_str().expect("a phone id").to_owned()
    };
    let own_id = phone_id(&world.org.sessions[0]);
    for own in [&world.org.numbers[0], &own_id] {
        world.rest().with("x-phone", own).get(&chat).await.expect(200);
    }
    let pairs = [
        (world.other.numbers[0].clone(), "15550109998".to_owned()),
        (phone_id(&world.other.sessions[0]), "phone-zzzzzzzzzzzz".to_owned()),
    ];
    for (theirs, missing) in pairs {
        for body in [None, Some(r#"{"labels": "vip"}"#)] {
            let call = async |phone: &str| {
                let caller = world.rest().with("x-phone", phone);
                let answer = match body {
                    None => caller.get(&chat).await,
                    Some(body) => caller.json("PATCH", &chat, body).await,
                };
                (answer.status, answer.text().replace(phone, "PHONE"))
            };
            let answer = call(&theirs).await;
            assert_eq!(answer, call(&missing).await);
            assert_eq!(answer.0, 404);
        }
    }
}

#[tokio::test]
async fn limited_key_reads_only_its_sessions() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let mine = &world.org.sessions[1];
    let key = world.limited_key("read,send", std::slice::from_ref(mine));
    let limited = world.anonymous().token(&key);
    limited.get(&chat.session_path).await.expect(404);
    limited.get(&chat).await.expect(404);
    limited.json("PATCH", &chat.session_path, r#"{"pinned": true}"#).await.expect(404);
    limited.json("PATCH", &chat, r#"{"labels": "vip"}"#).await.expect(404);
}

/// New resources for a method, since some methods delete.
pub async fn fresh_ids(world: &World, number: usize) -> Ids {
    let phone = format!("1555010{:04}", 600 + number);
    let session = world.cli(&["session", "create", "--org", &world.org.id, "--phone", &phone]);
    let mut org = world.org.clone();
    (org.numbers[0], org.sessions[0]) = (phone, session);
    let letters = format!("fresh{}", letters_of(number));
    let id = format!("{letters:z<16}");
    (org.label, org.note) = (format!("label-{id}"), format!("property-{id}"));
    org.members[0] = format!("{id}@acme.example");
    org.key = format!("sb_{}_", &id[..12]);
    (org.webhook, org.dead_letter) = (format!("webhook-{id}"), format!("71{number:08}"));
    (org.connection, org.failed_event) = (connection_id(&org.id, 1000 + number), format!("81{number:08}"));
    let sql = format!(
        "INSERT INTO members VALUES ('{org}', '{email}', '{email}', NULL, 'member');
         INSERT INTO labels VALUES ('{org}', '{label}', '{id}', '{id}');
         INSERT INTO properties VALUES ('{org}', '{note}', '{id}', 'text');
         INSERT INTO api_keys VALUES ('{org}', '{key}', '{id}', sha256(''), '{{read}}')",
        org = org.id,
        email = org.members[0],
        label = org.label,
        note = org.note,
        key = &id[..12],
    );
    world.sql().run_as(&org.id, &sql);
    world.sql().run_as(&org.id, &disabled_webhook(&org.id, &org.webhook, &org.dead_letter));
    let sql = disabled_connection(&org.id, &org.sessions[0], &org.connection, &org.failed_event);
    world.sql().run_as(&org.id, &sql);
    org.send = uuid::Uuid::now_v7().to_string();
    world.sql().run_as(&org.id, &queued_send(&org.id, &org.sessions[0], &org.send));
    let chat = world.chat_of(&org, "Alice").await;
    world.sql().run_as(&org.id, &own_message(&org.id, &org.sessions[0], &chat.id, SAMPLE_MESSAGE));
    world.sql().run_as(&org.id, &note_of(&org.id, &chat.digits));
    Ids::of(&org, chat)
}

/// The number as letters.
fn letters_of(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// Our ids with one of them replaced by the other organization's.
fn swaps(ours: &Ids, others: &Ids) -> [(&'static str, Ids); 12] {
    let chat = Chat::new(&others.chat.digits, &ours.session);
    [
        ("session", Ids { session: others.session.clone(), ..ours.clone() }),
        ("chat", Ids { chat, ..ours.clone() }),
        ("member", Ids { member: others.member.clone(), ..ours.clone() }),
        ("property", Ids { property: others.property.clone(), ..ours.clone() }),
        ("label", Ids { label: others.label.clone(), ..ours.clone() }),
        ("key", Ids { key: others.key.clone(), ..ours.clone() }),
        ("webhook", Ids { webhook: others.webhook.clone(), ..ours.clone() }),
        ("connection", Ids { connection: others.connection.clone(), ..ours.clone() }),
        ("failed event", Ids { failed_event: others.failed_event.clone(), ..ours.clone() }),
        ("send", Ids { send: others.send.clone(), ..ours.clone() }),
        ("note", Ids { note: others.note.clone(), ..ours.clone() }),
        ("dead letter", Ids { dead_letter: others.dead_letter.clone(), ..ours.clone() }),
    ]
}

/// The responses of every protocol, with placeholders for ids.
async fn every_protocol(world: &World, key: &str, method: &Method, ids: &Ids) -> Vec<(String, i64, String)> {
    let mut answers = Vec::new();
    let request = request(method, ids);
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let answer =
            world.anonymous_rpc(protocol).token(key).call(&method.path, wire(method, &request)).await;
        assert_ne!(answer.code, Some(0), "{} accepts {request}", method.path);
        let details = answer.headers.get("grpc-status-details-bin").is_some();
        let code = i64::from(answer.code.unwrap_or(-1));
        answers.push((format!("{protocol:?}"), code, format!("{} {details}", ids.hide_in(&answer.message))));
    }
    for binding in &method.bindings {
        let (target, body) = rest(binding, &request);
        let answer = world.anonymous().token(key).json(&binding.method, &target, body).await;
        let body: Value = serde_json::from_str(&ids.hide_in(&answer.text())).unwrap_or_default();
        assert!((400..500).contains(&answer.status), "{} {target}: {body}", binding.method);
        answers.push((binding.template.clone(), answer.status.into(), body.to_string()));
    }
    answers
}
