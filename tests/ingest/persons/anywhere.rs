//! It makes no difference when a LID turns out to be a phone number.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::super::{Inbox, NUMBER, OTHER_NUMBER};
use super::{LID, PHONE, message, read, tie};
use crate::support::Cluster;

/// Whether each field is told of the LID's chat or of the phone number's; what is told of both, the latter decides.
type OfLid = [bool; 8];

/// The `n`th value of a field, told of the chat where this field is told.
fn said(field: usize, of_lid: &OfLid, n: i64) -> Value {
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

/// Messages by either address, then what is told of the chats.
fn stories() -> impl Strategy<Value = Vec<Value>> {
    let told = (0..9_usize, 0..5_i64, any::<bool>());
    let messages = prop::collection::vec((any::<bool>(), 0..5_i64, any::<bool>()), 0..6);
    (any::<OfLid>(), messages, prop::collection::vec(told, 1..12)).prop_map(|(of_lid, messages, told)| {
        let of = |is_other: bool, mut event: Value| {
            event["session"] = json!(if is_other { OTHER_NUMBER } else { NUMBER });
            event
        };
        let messages = messages.into_iter().map(|(by_lid, n, is_other)| {
            of(is_other, message(if by_lid { LID } else { PHONE }, &format!("M{n}"), n))
        });
        let told = told.into_iter().map(|(field, n, is_other)| of(is_other, said(field, &of_lid, n)));
        messages.chain(told).collect()
    })
}

/// Tells the story with the tie at that place, in batches of these sizes.
async fn tell(inbox: &Inbox, story: &[Value], place: Index, sizes: &[usize]) {
    let mut events = story.to_vec();
    events.insert(place.index(story.len() + 1), tie(LID));
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
fn a_tie_ends_in_the_same_wherever_it_is_told() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(async { Cluster::get().await.migrated_database().await });
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let sizes = || prop::collection::vec(1..6_usize, 1..4);
    let stories = (stories(), any::<Index>(), any::<Index>(), sizes(), sizes());
    let outcome = runner.run(&stories, |(story, once, again, sizes, other_sizes)| {
        runtime.block_on(async {
            let (one, other) = (Inbox::on(&database).await, Inbox::on(&database).await);
            tell(&one, &story, once, &sizes).await;
            tell(&other, &story, again, &other_sizes).await;
            prop_assert_eq!(one.copy(), other.copy());
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
