//! Chats are merged while both receive messages and API clients change them.

use std::env;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use switchboard::actions::Precondition;
use switchboard::actions::idempotency::IdempotentWrite;
use switchboard::actions::ingest::{self, IngestEvent, SessionScope};
use switchboard::actions::session_chats::{self, Change};
use switchboard::caller::{Caller, Capabilities, Capability, Principal};
use switchboard::error::Error;
use switchboard::ids::{ChatAddress, KeyId, OrgId};
use switchboard::store::Store;
use tokio::task::JoinSet;

use super::super::{SESSION, TestOrg, event};

/// Number of merged pairs; `make merges` sets 1,000.
fn merges() -> usize {
    env::var("MERGES").ok().and_then(|merges| merges.parse().ok()).unwrap_or(40)
}

const MESSAGES: usize = 6;

fn lid(person: usize) -> String {
    format!("1894123{person:05}@lid")
}

fn phone(person: usize) -> String {
    format!("1555011{person:04}@s.whatsapp.net")
}

/// Every person's messages by both addresses, in a random order.
fn messages(random: &mut StdRng, people: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for person in 0..people {
        for number in 0..MESSAGES {
            let chat = if number % 2 == 0 { lid(person) } else { phone(person) };
            events.push(json!({"message": {"id": format!("M{number}"), "chat": chat, "fromMe": false,
                "timestamp": 1_737_976_000_000_i64 + i64::try_from(number).expect("small")}}));
        }
    }
    events.shuffle(random);
    events
}

async fn apply(inbox: (Store, SessionScope), events: Vec<IngestEvent>, size: usize) {
    for batch in events.chunks(size) {
        for outcome in ingest::apply(&inbox.0, &inbox.1, batch.to_vec()).await.expect("no error") {
            outcome.expect("an accepted event");
        }
    }
}

/// Pins every chat by both addresses, one after the other.
async fn pin(store: Store, org: OrgId, people: usize) {
    let capabilities = Capabilities::from_iter([Capability::Send]);
    let caller = Caller { capabilities, ..Caller::new(org, Principal::ApiKey(KeyId::generate())) };
    for person in 0..people {
        for address in [lid(person), phone(person)] {
            let address: ChatAddress = address.parse().expect("an address");
            let session = SESSION.parse().expect("a session");
            let change = Change { pinned: Some(true), ..Change::default() };
            let once = IdempotentWrite::unkeyed();
            let pinned =
                session_chats::update(&store, &caller, session, address, change, Precondition::NONE, once)
                    .await;
            let pinned = pinned.unwrap_or_else(|error: Error| panic!("{error}"));
            assert!(pinned.held.pinned, "{person}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_during_traffic_lose_nothing() {
    let (inbox, people) = (TestOrg::new().await, merges());
    let mut random = StdRng::seed_from_u64(1555);
    let target = || (inbox.store.clone(), SessionScope::all(inbox.org));
    // Each chat has its first message, so that there are two chats to merge.
    let seed = (0..people).flat_map(|person| [lid(person), phone(person)]).map(|chat| {
        event(&json!({"message": {"id": "M0", "chat": chat, "fromMe": false, "timestamp": 1_737_976_000_000_i64}}))
    });
    apply(target(), seed.collect(), 200).await;

    let mut workers = JoinSet::new();
    let events = messages(&mut random, people);
    for part in events.chunks(events.len().div_ceil(3)) {
        let size = random.random_range(1..12);
        workers.spawn(apply(target(), part.iter().map(event).collect(), size));
    }
    let mut links: Vec<Value> =
        (0..people).map(|person| json!({"address": {"lid": lid(person), "jid": phone(person)}})).collect();
    links.shuffle(&mut random);
    workers.spawn(apply(target(), links.iter().map(event).collect(), 3));
    workers.spawn(pin(inbox.store.clone(), inbox.org, people));
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker that does not panic");
    }

    let chats = inbox.rows(&format!(
        "SELECT chat_id, pinned, unread, latest_message_id,
             (SELECT count(*) FROM messages m WHERE (m.org_id, m.session_id, m.chat_key) = (s.org_id, s.session_id, s.chat_key)),
             (SELECT count(*) FROM chat_addresses a WHERE (a.org_id, a.chat_key) = (s.org_id, s.chat_key)) AS addresses
         FROM session_chats s JOIN chats USING (org_id, chat_key)
         WHERE org_id = $org AND (unread, latest_message_id) IS DISTINCT FROM ({MESSAGES}, 'M{}')
            OR org_id = $org AND NOT pinned",
        MESSAGES - 1
    ));
    assert_eq!(chats, [] as [Value; 0]);
    let people = i64::try_from(people).expect("small");
    let count = |query: &str| {
        inbox.row(&format!("SELECT count(*) FROM {query} WHERE org_id = $org"))["count"].clone()
    };
    assert_eq!(count("chats"), people);
    assert_eq!(count("session_chats"), people);
    assert_eq!(count("chat_addresses"), 2 * people);
    assert_eq!(count("messages"), people * i64::try_from(MESSAGES).expect("small"));
}
