//! The result does not depend on when a LID is linked.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::super::{NUMBER, OTHER_NUMBER, TestOrg};
use super::{LID, PHONE, link, message, read};
use crate::support::Cluster;

/// Whether the events for each field use the LID or the phone number: a field set on both keeps the phone number's value.
type OfLid = [bool; 8];

/// An event that sets a field to its `n`th value, on the address for that field.
fn change_of(field: usize, of_lid: &OfLid, n: i64) -> Value {
    let chat = if of_lid[field.min(7)] { LID } else { PHONE };
    match field {
        0 => json!({"chat": {"jid": chat, "archived": n > 1}}),
        1 => json!({"chat": {"jid": chat, "pinned": n > 1}}),
        2 => json!({"chat": {"jid": chat, "exited": n > 1}}),
        3 => json!({"chat": {"jid": chat, "mutedUntil": (n > 1).then_some(1_900_000_000_000 + n)}}),
        4 => json!({"chat": {"jid": chat, "name": format!("Name {n}")}}),
        5 => json!({"chat": {"jid": chat, "type": if n > 1 { "business" } else { "dm" }}}),
        6 => json!({"inbox": {"chat": chat, "closedAt": (n > 1).then_some(1_737_976_000_000 + n)}}),
        7 => read(chat, n),
        _ => json!({"unread": {"chat": chat, "count": n}}),
    }
}

/// Messages by either address, then changes of the chats.
fn histories() -> impl Strategy<Value = Vec<Value>> {
    let changes = (0..9_usize, 0..5_i64, any::<bool>());
    let messages = prop::collection::vec((any::<bool>(), 0..5_i64, any::<bool>()), 0..6);
    (any::<OfLid>(), messages, prop::collection::vec(changes, 1..12)).prop_map(
        |(of_lid, messages, changes)| {
            let of = |is_other: bool, mut event: Value| {
                event["session"] = json!(if is_other { OTHER_NUMBER } else { NUMBER });
                event
            };
            let messages = messages.into_iter().map(|(by_lid, n, is_other)| {
                of(is_other, message(if by_lid { LID } else { PHONE }, &format!("M{n}"), n))
            });
            let changes =
                changes.into_iter().map(|(field, n, is_other)| of(is_other, change_of(field, &of_lid, n)));
            messages.chain(changes).collect()
        },
    )
}

/// Applies the events with the link inserted at that place, in batches of these sizes.
async fn apply(inbox: &TestOrg, history: &[Value], place: Index, sizes: &[usize]) {
    let mut events = history.to_vec();
    events.insert(place.index(history.len() + 1), link(LID));
    let mut rest = events.as_slice();
    for size in sizes.iter().cycle() {
        let (batch, others) = rest.split_at((*size).min(rest.len()));
        inbox.accept(batch).await;
        rest = others;
        if rest.is_empty() {
            return;
        }
    }
}

#[test]
fn link_at_any_place_ends_in_the_same_copy() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(async { Cluster::get().await.migrated_database().await });
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let sizes = || prop::collection::vec(1..6_usize, 1..4);
    let histories = (histories(), any::<Index>(), any::<Index>(), sizes(), sizes());
    let outcome = runner.run(&histories, |(history, once, again, sizes, other_sizes)| {
        runtime.block_on(async {
            let (one, other) = (TestOrg::on(&database).await, TestOrg::on(&database).await);
            apply(&one, &history, once, &sizes).await;
            apply(&other, &history, again, &other_sizes).await;
            prop_assert_eq!(one.copy(), other.copy());
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
