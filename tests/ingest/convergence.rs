//! The same events in any order, twice, and from several writers at once end in the same stored copy.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use switchboard::actions::ingest::{self, IngestEvent, SessionScope};

use super::{NUMBER, OTHER_NUMBER, TestOrg, event};
use crate::support::Cluster;

const PERSON: &str = "15550101001@s.whatsapp.net";
/// The same person by LID.
const HIDDEN: &str = "189412345001@lid";
const OTHER_PERSON: &str = "15550101002@c.us";
/// An earlier number of that person.
pub const EARLIER: &str = "15550101003@c.us";
/// A person with two spellings of one mobile number.
const SPELLED: &str = "5511900000001@s.whatsapp.net";
const ALSO_SPELLED: &str = "551100000001@s.whatsapp.net";
const GROUP: &str = "120363300000000001@g.us";
const VERSIONED_PERSON: &str = "15550101009@c.us";
const VERSIONED_GROUP: &str = "120363300000000009@g.us";

/// Contacts and chats without versions: each has one event with one content.
fn fixed() -> Vec<Value> {
    vec![
        json!({"contact": {"id": "189412345001:3@lid", "name": "Asha Rao", "color": "#B4876E"}}),
        json!({"address": {"lid": HIDDEN, "jid": PERSON}}),
        json!({"alias": {"jid": ALSO_SPELLED, "sameAs": SPELLED}}),
        json!({"alias": {"jid": EARLIER, "sameAs": OTHER_PERSON}}),
        json!({"contact": {"id": OTHER_PERSON, "name": null, "isInternal": true}}),
        json!({"chat": {"jid": PERSON, "type": "business", "archived": true, "mutedUntil": 1_800_000_000_000_i64}}),
        json!({"chat": {"jid": GROUP, "type": "group", "name": "Team", "memberAddMode": "all_member_add", "members": [
            {"id": HIDDEN, "isAdmin": true}, {"id": OTHER_PERSON}, {"id": format!("{NUMBER}@c.us")}]}}),
    ]
}

fn chat() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => Just(PERSON),
        3 => Just(HIDDEN),
        2 => Just(OTHER_PERSON),
        1 => Just(EARLIER),
        1 => Just(SPELLED),
        1 => Just(ALSO_SPELLED),
        3 => Just(GROUP),
    ]
}

/// A message's sender, by either address.
fn sender() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(PERSON), Just(HIDDEN)]
}

/// A reference to one of four messages, with and without the parts that may be left out.
fn reference() -> impl Strategy<Value = Value> {
    (0..4, chat(), any::<bool>(), prop::option::of(sender())).prop_map(
        |(number, chat, has_from_me, author)| {
            let mut reference = json!({"id": format!("3EB0{number}"), "chat": chat});
            // Until the addresses of its author are linked, a message of a group is stored with each of them.
            let needs_author = chat == GROUP && number != 3;
            if has_from_me || needs_author {
                reference["fromMe"] = json!(number == 3);
            }
            let author = author.or(needs_author.then_some(PERSON));
            author.into_iter().for_each(|author| reference["author"] = json!(author));
            reference
        },
    )
}

fn instant() -> impl Strategy<Value = i64> {
    (0..6_i64).prop_map(|second| 1_737_976_076_000 + second * 1000)
}

fn person() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(PERSON),
        Just(HIDDEN),
        Just(OTHER_PERSON),
        Just(EARLIER),
        Just(SPELLED),
        Just(ALSO_SPELLED)
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let keys = [
        ("type", json!("chat")),
        ("silent", json!(true)),
        ("ack", json!("2")),
        ("hasMedia", json!(true)),
        ("hasMedia", json!(false)),
        ("media", json!({"url": "https://images.acme.example/1", "size": 12})),
        ("isDeleted", json!(true)),
        ("isDeleted", json!(false)),
        ("mentionedIds", json!([OTHER_PERSON])),
        ("deliveryInfo", json!({"read": {OTHER_PERSON: 1_737_976_090_000_i64}, "pending": [PERSON]})),
        ("deliveryInfo", json!({"delivered": {PERSON: 1_737_976_080_000_i64}, "pending": [OTHER_PERSON]})),
    ];
    let fields = subsequence(keys.to_vec(), 0..keys.len());
    let version = prop::option::of(instant());
    let body = prop_oneof![Just("hello"), Just("goodbye")];
    (0..4_i64, (chat(), sender()), version, fields, body).prop_map(
        |(number, (chat, sender), version, fields, body)| {
            // When a message was sent and by whom never changes.
            let mut message = json!({"id": format!("3EB0{number}"), "chat": chat, "fromMe": number == 3,
                "sender": sender, "timestamp": 1_737_976_076_000 + number * 1000});
            fields.into_iter().for_each(|(key, value)| message[key] = value);
            match version {
                // Another text needs a version.
                Some(version) => {
                    message["updatedAt"] = json!(version);
                    if number > 1 {
                        message["body"] = json!(body);
                    }
                }
                None if number < 2 => message["body"] = json!("first"),
                None => {}
            }
            json!({ "message": message })
        },
    )
}

fn edit() -> impl Strategy<Value = Value> {
    // Of edits that wait and have one instant only the greatest is kept, so each text has its own instants.
    (reference(), instant(), prop_oneof![Just(("second", 0_i64)), Just(("third", 1))]).prop_map(
        |(message, at, (body, later))| json!({"edit": {"message": message, "body": body, "at": at + later}}),
    )
}

fn reaction() -> impl Strategy<Value = Value> {
    let emoji = prop_oneof![Just("\u{1f44d}"), Just("\u{2764}"), Just("")];
    (reference(), person(), emoji, instant()).prop_map(|(message, by, emoji, at)| {
        json!({"reaction": {"message": message, "by": by, "emoji": emoji, "at": at}})
    })
}

fn receipt() -> impl Strategy<Value = Value> {
    let kinds = vec!["sent", "server", "delivered", "read", "failed", "unknown"];
    let reason = prop_oneof![Just(Value::Null), Just(json!("131026")), Just(json!("131047"))];
    (reference(), person(), select(kinds), instant(), reason).prop_map(|(message, by, kind, at, reason)| {
        json!({"receipt": {"message": message, "by": by, "kind": kind, "at": at, "reason": reason}})
    })
}

fn seconds(second: i64) -> i64 {
    1_737_976_076_000 + second * 1000
}

/// Contacts and chats with versions.
fn versioned() -> impl Strategy<Value = Value> {
    (0..6_i64, 0..4_usize, prop_oneof![Just("A"), Just("B"), Just(" ")], any::<bool>()).prop_map(
        |(second, kind, name, flag)| {
            let at = seconds(second);
            let member = |number: i64| json!({"id": format!("1555010100{number}@c.us"), "isAdmin": number == second});
            match kind {
                0 => json!({"contact": {"id": VERSIONED_PERSON, "name": name, "isInternal": flag, "updatedAt": at}}),
                1 => json!({"chat": {"jid": VERSIONED_GROUP, "name": name, "archived": flag, "updatedAt": at}}),
                2 => {
                    // Two lists have the same instant.
                    let first = second + i64::from(flag);
                    let members: Vec<Value> = (first..first + 3).map(member).collect();
                    json!({"chat": {"jid": VERSIONED_GROUP, "description": null, "updatedAt": at, "members": members}})
                }
                _ => json!({"chat": {"jid": VERSIONED_GROUP, "description": name, "mutedUntil": at, "updatedAt": at}}),
            }
        },
    )
}

fn member_change() -> impl Strategy<Value = Value> {
    let list = prop_oneof![Just("added"), Just("removed"), Just("promoted"), Just("demoted")];
    (0..6_i64, 0..8_i64, list).prop_map(|(second, number, list)| {
        let mut change = json!({"chat": VERSIONED_GROUP, "at": seconds(second)});
        change[list] = json!([format!("1555010100{number}@c.us")]);
        json!({ "memberChange": change })
    })
}

fn any_event() -> impl Strategy<Value = Value> {
    let status = prop_oneof![Just("connected"), Just("connecting"), Just("logged_out")];
    let events = prop_oneof![
        6 => message(),
        3 => receipt(),
        2 => edit(),
        2 => reaction(),
        2 => versioned(),
        2 => member_change(),
        2 => (chat(), instant()).prop_map(|(chat, at)| json!({"read": {"chat": chat, "upTo": at}})),
        1 => reference().prop_map(|message| json!({"deleteMessage": {"message": message}})),
        1 => (status, instant()).prop_map(|(status, at)| json!({"status": {"status": status, "at": at}})),
    ];
    (events, prop_oneof![4 => Just(NUMBER), 1 => Just(OTHER_NUMBER)]).prop_map(|(mut event, session)| {
        event["session"] = json!(session);
        event
    })
}

/// Events, and the same ones in another order, some of them twice, each with its writer.
fn histories() -> impl Strategy<Value = (Vec<Value>, Vec<(Value, usize)>)> {
    prop::collection::vec(any_event(), 1..40).prop_flat_map(|events| {
        let events: Vec<Value> = fixed().into_iter().chain(events).collect();
        let again = subsequence(events.clone(), 0..=events.len());
        let shuffled = again.prop_map({
            let events = events.clone();
            move |again| events.iter().chain(&again).cloned().collect::<Vec<_>>()
        });
        let shuffled = shuffled.prop_shuffle().prop_flat_map(|events| {
            let writers = prop::collection::vec(0..3_usize, events.len());
            writers.prop_map(move |writers| events.iter().cloned().zip(writers).collect())
        });
        (Just(events), shuffled)
    })
}

async fn apply_shuffled(inbox: &TestOrg, events: &[(Value, usize)]) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let own = events.iter().filter(|(_, by)| *by == writer);
        let own: Vec<IngestEvent> = own.map(|(json, _)| event(json)).collect();
        let (store, org) = (inbox.store.clone(), inbox.org);
        writers.spawn(async move {
            for batch in own.chunks(5) {
                for outcome in ingest::apply(&store, &SessionScope::all(org), batch.to_vec())
                    .await
                    .expect("a working database")
                {
                    outcome.expect("an accepted event");
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("a writer that does not panic");
    }
}

#[test]
fn any_order_and_any_number_of_writers_end_in_the_same_copy() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(async { Cluster::get().await.migrated_database().await });
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&histories(), |(events, shuffled)| {
        runtime.block_on(async {
            let (once, again) = (TestOrg::on(&database).await, TestOrg::on(&database).await);
            once.accept(&events).await;
            apply_shuffled(&again, &shuffled).await;
            prop_assert_eq!(once.copy(), again.copy());
            // The counters agree with the stored messages.
            let wrong = again.rows(
                "SELECT unread, counted FROM session_chats sc CROSS JOIN LATERAL (
                     SELECT count(*) FILTER (WHERE read_up_to IS NULL OR sent_at > read_up_to) AS counted,
                            count(*) AS incoming FROM messages m
                     WHERE (m.org_id, m.session_id, m.chat_key) = (sc.org_id, sc.session_id, sc.chat_key)
                       AND NOT from_me AND NOT silent) c
                 WHERE org_id = $org AND unread IS DISTINCT FROM
                     CASE WHEN incoming > 0 OR read_up_to IS NOT NULL THEN counted END",
            );
            prop_assert!(wrong.is_empty(), "{:?}", wrong);
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
