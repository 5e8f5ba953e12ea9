//! States merge to the same in any order.

use proptest::prelude::*;

use super::*;

fn state(updated_at: Option<i64>, body: Option<&str>, starred: Option<bool>) -> MessageState {
    MessageState {
        body: body.map(str::to_owned),
        details: starred.map(|starred| ("is_starred".to_owned(), starred.into())).into_iter().collect(),
        updated_at: updated_at.map(Instant::from_micros),
        ..MessageState::new(Instant::from_micros(7), true)
    }
}

fn merged(states: &[MessageState]) -> MessageState {
    let mut states = states.iter().cloned();
    let mut merged = states.next().unwrap();
    states.for_each(|state| merged.merge(state));
    merged
}

#[test]
fn field_keeps_its_own_version() {
    let first = merged(&[state(Some(1), Some("old"), None), state(Some(3), None, Some(true))]);
    assert_eq!(first.field_times, BTreeMap::from([("body".to_owned(), 1)]));
    let second = merged(&[first, state(Some(2), Some("new"), Some(false))]);
    assert_eq!(second.body.as_deref(), Some("new"));
    assert_eq!(second.details["is_starred"], true);
}

#[test]
fn contact_that_received_is_not_pending() {
    let mut message = state(None, None, None);
    let pending = BTreeSet::from(["15550101001@c.us".to_owned(), "15550101002@c.us".to_owned()]);
    message.raise(None, Some(Delivery { pending: pending.clone(), ..Delivery::default() }));
    message.apply(&update("delivered", "15550101001@c.us", 5_000, None));
    message.raise(None, Some(Delivery { pending, ..Delivery::default() }));
    let delivery = message.delivery.unwrap();
    assert_eq!(delivery.pending, BTreeSet::from(["15550101002@c.us".to_owned()]));
    assert_eq!(delivery.delivered["15550101001@c.us"], 5);
    assert_eq!(message.ack, Some(3));
}

fn update(kind: &str, contact: &str, at: i64, value: Option<&str>) -> Update {
    let (kind, contact, value) = (kind.to_owned(), contact.to_owned(), value.map(str::to_owned));
    Update { kind, contact, at: Instant::from_micros(at), value }
}

#[test]
fn previous_text_is_the_one_before_the_last_edit() {
    let mut message = state(None, Some("first"), None);
    message.apply(&update("edit", "20", 20, Some("third")));
    assert_eq!(message.details[PREV_BODY], "first");
    message.apply(&update("edit", "10", 10, Some("second")));
    assert_eq!((message.body.as_deref(), &message.details[PREV_BODY]), (Some("third"), &"second".into()));
    assert_eq!(message.first_body.as_deref(), Some("first"));
    for (text, is_known) in [("first", true), ("second", true), ("third", true), ("fourth", false)] {
        assert_eq!(message.accepts_text(text), is_known, "{text}");
    }
    let edited = message.clone();
    message.merge(state(None, Some("first"), None));
    assert_eq!(message, edited);
}

#[test]
fn deleted_message_keeps_no_text() {
    let mut message = state(Some(5), Some("text"), Some(true));
    message.apply(&update("edit", "20", 20, Some("edited")));
    message.apply(&update("deleted", "", 0, None));
    message.merge(state(None, Some("text"), None));
    message.apply(&update("edit", "30", 30, Some("late")));
    assert_eq!((message.body, message.first_body), (None, None));
    assert_eq!(message.details.keys().collect::<Vec<_>>(), ["is_deleted", "is_starred"]);
}

#[test]
fn failure_beats_the_server_and_loses_to_delivery() {
    let acks = |kinds: &[&str]| {
        let mut message = state(None, None, None);
        kinds.iter().for_each(|kind| message.apply(&update(kind, "", 1, None)));
        message.ack
    };
    assert_eq!(acks(&["sent", "server", "failed", "server"]), Some(-1));
    assert_eq!((acks(&["failed", "delivered"]), acks(&["read", "failed"])), (Some(3), Some(4)));
}

fn any_state() -> impl Strategy<Value = MessageState> {
    let body = prop::option::of(prop_oneof![Just("a"), Just("b"), Just("c")]);
    (prop::option::of(1..4_i64), body, prop::option::of(any::<bool>()))
        .prop_map(|(updated_at, body, starred)| state(updated_at, body, starred))
}

proptest! {
    #[test]
    fn any_order_and_any_grouping_merge_to_the_same(states in prop::collection::vec(any_state(), 1..6), split in 0..6_usize) {
        let forward = merged(&states);
        let reversed: Vec<_> = states.iter().rev().cloned().collect();
        prop_assert_eq!(&merged(&reversed), &forward);
        let (left, right) = states.split_at(split.min(states.len()));
        if !left.is_empty() && !right.is_empty() {
            prop_assert_eq!(&merged(&[merged(left), merged(right)]), &forward);
        }
        let twice: Vec<_> = states.iter().chain(&states).cloned().collect();
        prop_assert_eq!(&merged(&twice), &forward);
    }
}
