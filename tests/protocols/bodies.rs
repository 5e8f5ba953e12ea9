//! The PATCH bodies of both APIs, field by field.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use switchboard::pb;

use crate::support::World;

#[tokio::test]
async fn labels_are_replaced_and_keep_first_spelling() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let cases = [
        (json!("vip, New ,, vip"), json!(["New", "vip"])),
        (json!(["NEW", "third"]), json!(["New", "third"])),
        (json!("VIP"), json!(["vip"])),
        (json!(""), json!([])),
        (json!("vip"), json!(["vip"])),
        (json!(null), json!([])),
        (json!([]), json!([])),
        (json!(" , "), json!([])),
        (json!("Straße,STRASSE"), json!(["STRASSE", "Straße"])),
    ];
    for (sent, stored) in cases {
        let answer = world.rest().patch(&chat, json!({"labels": sent})).await.expect(200).json();
        assert_eq!(answer["labels"], stored, "{sent}");
        assert_eq!(
            answer["label_ids"].as_object().map(serde_json::Map::len),
            stored.as_array().map(Vec::len)
        );
    }
    for refused in
        [json!("a\u{1}b"), json!("a\u{0}b"), json!("x".repeat(101)), json!([1]), json!([null]), json!(7)]
    {
        let answer = world.rest().patch(&chat, json!({"labels": refused})).await.expect(422).json();
        let fields = answer["fields"].as_object().expect("fields");
        assert!(fields.keys().all(|field| field.starts_with("labels")), "{answer}");
    }
}

#[tokio::test]
async fn assignee_is_a_member_ignoring_case_or_null() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let member = world.org.members[0].as_str();
    for (sent, stored) in [
        (json!(member.to_uppercase()), json!(member)),
        (json!(""), Value::Null),
        (json!(member), json!(member)),
        (json!(null), Value::Null),
    ] {
        let answer = world.rest().patch(&chat, json!({"assigned_to": sent})).await.expect(200).json();
        assert_eq!(answer["assigned_to"], stored, "{sent}");
    }
    for refused in [json!("nobody@acme.example"), json!(world.other.members[0]), json!(1), json!([member])] {
        let answer = world.rest().patch(&chat, json!({"assigned_to": refused})).await.expect(422).json();
        assert!(answer["fields"]["assigned_to"]["message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn properties_are_set_by_id_or_name_with_valid_values() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let create = |name: &str, kind: &str, options: &[&str]| {
        let mut args = vec!["property", "create", "--org", &world.org.id, "--name", name, "--kind", kind];
        options.iter().for_each(|option| args.extend(["--option", option]));
        world.cli(&args)
    };
    let (due, size) = (create("due", "date", &[]), create("size", "dropdown", &["S", "M"]));
    let colours = create("colours", "picklist", &["red", "blue"]);
    let note = world.org.note.as_str();
    let cases = [
        (json!({"note": "hi"}), json!({note: "hi"})),
        (json!({&due: "2026-11-22"}), json!({note: "hi", &due: "2026-11-22"})),
        (json!({"size": "M", "note": null}), json!({&due: "2026-11-22", &size: "M"})),
        (json!({&due: null, &size: null}), json!({})),
        (json!({"colours": "red, blue"}), json!({&colours: ["red", "blue"]})),
        (json!({"colours": ["blue"]}), json!({&colours: ["blue"]})),
        (json!({"colours": "red, blue,red"}), json!({&colours: ["red", "blue"]})),
        (json!({"colours": ""}), json!({&colours: []})),
        (json!({&colours: null, "note": ""}), json!({note: ""})),
        (json!({"note": "é".repeat(10_000)}), json!({note: "é".repeat(10_000)})),
        (json!({"note": null, "due": "2026-11-22T10:00"}), json!({&due: "2026-11-22T10:00"})),
        (json!({"due": "2026-11-22T10:00:00.5Z"}), json!({&due: "2026-11-22T10:00:00.5Z"})),
        (json!({"due": "2026-11-22T10:00:00+05:30"}), json!({&due: "2026-11-22T10:00:00+05:30"})),
        (json!({"due": "9999-12-31T23:59:59Z"}), json!({&due: "9999-12-31T23:59:59Z"})),
    ];
    for (sent, stored) in cases {
        let answer = world.rest().patch(&chat, json!({"custom_properties": sent})).await.expect(200).json();
        assert_eq!(answer["custom_properties"], stored, "{sent}");
    }
    let refused = [
        ("due", json!("soon")),
        ("due", json!("")),
        ("due", json!("22.11.2026")),
        ("due", json!("2026-02-30")),
        ("due", json!("2026-11-22T10:00:00+01:00[Europe/Paris]")),
        ("size", json!("XL")),
        ("size", json!("s")),
        ("size", json!(["S"])),
        ("colours", json!("red, green")),
        ("colours", json!(["green"])),
        ("colours", json!(["Red"])),
        ("colours", json!(7)),
        ("note", json!({"a": 1})),
        ("note", json!(["x"])),
        ("note", json!("\0")),
        ("note", json!("e".repeat(10_001))),
        ("NOTE", json!("names are exact")),
        ("property-aaaaaaaaaaaaaaaa", json!("unknown")),
    ];
    for (key, value) in refused {
        let answer =
            world.rest().patch(&chat, json!({"custom_properties": {key: value}})).await.expect(422).json();
        let field = format!("custom_properties.{key}");
        assert!(answer["fields"][&field]["message"].is_string(), "{field}: {answer}");
    }
}

#[tokio::test]
async fn property_errors_name_at_most_10_keys() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let note = &world.org.note;
    let fields = async |values: Value| {
        let answer = world.rest().patch(&chat, json!({"custom_properties": values})).await.expect(422).json();
        answer["fields"].as_object().expect("fields").clone()
    };
    let repeated = fields(json!({"Colour": null, "note": "x", note: "y"})).await;
    assert_eq!(
        repeated.keys().collect::<Vec<_>>(),
        ["custom_properties.Colour", &format!("custom_properties.{note}")]
    );
    let long = (0..50).map(|number| (number.to_string() + &"é".repeat(1000), Value::Null)).collect();
    let bounded = fields(Value::Object(long)).await;
    assert_eq!(bounded.len(), 10);
    assert!(bounded.keys().all(|key| key.chars().count() < 130));
}

#[tokio::test]
async fn session_chat_patch_changes_only_sent_fields() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let state = |answer: &Value| json!([answer["archived"], answer["pinned"], answer["mutedUntil"]]);
    let far = 4_000_000_000_000_i64;
    let cases = [
        (json!({"archived": true}), json!([true, false, null])),
        (json!({"pinned": true, "archived": null}), json!([true, true, null])),
        (json!({"mutedUntil": far}), json!([true, true, far])),
        (json!({"muted_until": "5000000000000"}), json!([true, true, 5_000_000_000_000_i64])),
        (json!({"unmute": false}), json!([true, true, 5_000_000_000_000_i64])),
        (json!({"mutedUntil": null, "unmute": null}), json!([true, true, 5_000_000_000_000_i64])),
        (json!({"unmute": true, "mutedUntil": far}), json!([true, true, null])),
        (json!({"mutedUntil": 1}), json!([true, true, 1])),
        (json!({"mutedUntil": 0, "pinned": false}), json!([true, false, 0])),
        (json!({}), json!([true, false, 0])),
    ];
    for (sent, stored) in cases {
        let answer = world.rest().patch(&chat.session_path, sent.clone()).await.expect(200).json();
        assert_eq!(state(&answer), stored, "{sent}");
    }
    let empty = world.rest().json("PATCH", &chat.session_path, "").await.expect(200).json();
    assert_eq!(state(&empty), json!([true, false, 0]));
    let muted = world.rest().get(&chat).await.expect(200).json();
    assert_eq!(muted["is_muted"], false, "a mute in the past is none");
}

#[tokio::test]
async fn grpc_mask_keeps_clears_and_sets_fields() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let mut client = world.grpc_chat();
    let member = world.org.members[0].clone();
    let mut update = async |labels: &[&str], assigned_to: Option<String>, mask: Option<&[&str]>| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let mask = mask.map(|paths| prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        });
        let change = pb::Chat { labels, assigned_to, ..Default::default() };
        let request =
            pb::UpdateChatRequest { chat_id: chat.id.clone(), chat: Some(change), update_mask: mask };
        client.update_chat(request).await.map(tonic::Response::into_inner)
    };
    let set = update(&["vip"], Some(member.clone()), None).await.expect("both");
    assert_eq!((set.labels, set.assigned_to), (vec!["vip".to_owned()], Some(member.clone())));
    let kept = update(&["new"], None, Some(&["labels"])).await.expect("one");
    assert_eq!((kept.labels, kept.assigned_to), (vec!["new".to_owned()], Some(member)));
    let cleared = update(&["ignored"], None, Some(&["assigned_to"])).await.expect("clear");
    assert_eq!((cleared.labels, cleared.assigned_to), (vec!["new".to_owned()], None));
    let unknown = update(&[], None, Some(&["colour"])).await.expect_err("no such field");
    assert_eq!(unknown.code(), tonic::Code::InvalidArgument);
    let nothing = update(&[], None, None).await.expect_err("nothing to change");
    assert_eq!(nothing.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn deleted_chat_reappears_clean_with_new_id() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let first = world.rest().get(&chat.session_path).await.expect(200).json();
    world
        .rest()
        .patch(&chat, json!({"labels": "vip", "assigned_to": world.org.members[0]}))
        .await
        .expect(200);
    let gone = world.rest().delete(&chat.session_path).await.expect(204);
    assert!(gone.body.is_empty());
    world.rest().delete(&chat.session_path).await.expect(404);
    world.rest().get(&chat).await.expect(404);
    // An older message does not bring the chat back.
    let after_deletion =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("a time") + Duration::from_secs(1);
    let message = json!({
        "id": "3EB0", "chat": chat.jid, "fromMe": false, "sender": chat.id, "type": "chat", "body": "hello",
        "timestamp": u64::try_from(after_deletion.as_millis()).expect("a time"),
    });
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
    let again = world.rest().get(&chat.session_path).await.expect(200).json();
    assert_ne!(again["id"], first["id"]);
    let shared = world.rest().get(&chat).await.expect(200).json();
    assert_eq!((&shared["labels"], &shared["assigned_to"]), (&json!([]), &Value::Null));
}
