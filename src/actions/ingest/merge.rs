//! What two things said of one message come to. The order in which they are merged makes no difference.
//!
//! Every field is a register of its own: the newer version wins, and of two values of one version the greater, for want
//! of anything better that does not depend on the order. What an event leaves out, it says nothing about.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::ReceiptKind;
use crate::instant::Instant;

const IS_DELETED: &str = "is_deleted";

/// What is known of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MessageState {
    pub(super) sent_at: Instant,
    pub(super) from_me: bool,
    pub(super) sender: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) body: Option<String>,
    pub(super) details: Map<String, Value>,
    pub(super) ack: Option<i16>,
    pub(super) delivery: Option<Delivery>,
    /// The newest version that said anything.
    pub(super) updated_at: Option<Instant>,
    /// Versions of the fields that were said before `updated_at`, in Unix microseconds.
    pub(super) field_times: BTreeMap<String, i64>,
}

/// Who received and read a message, in Unix milliseconds. The earliest instant is the true one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivery {
    #[serde(default)]
    pub(super) delivered: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) read: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) pending: BTreeSet<String>,
}

impl MessageState {
    /// Adds what another event said of the same message.
    pub(super) fn merge(&mut self, mut other: Self) {
        let mut merge = Merge { mine: self.clock(), theirs: other.clock(), versions: BTreeMap::new() };
        self.sent_at = merge.pick("timestamp", self.sent_at, other.sent_at);
        self.from_me = merge.pick("from_me", self.from_me, other.from_me);
        self.sender = merge.pick_optional("sender_phone", self.sender.take(), other.sender, Ord::cmp);
        self.kind = merge.pick_optional("message_type", self.kind.take(), other.kind, Ord::cmp);
        self.body = merge.pick_optional("body", self.body.take(), other.body, Ord::cmp);

        let mut details = std::mem::take(&mut self.details);
        let is_deleted =
            [&details, &other.details].iter().any(|said| said.get(IS_DELETED) == Some(&true.into()));
        let names: BTreeSet<String> = details.keys().chain(other.details.keys()).cloned().collect();
        for name in names {
            let (mine, theirs) = (details.remove(&name), other.details.remove(&name));
            if let Some(value) = merge.pick_optional(&name, mine, theirs, by_text) {
                self.details.insert(name, value);
            }
        }

        self.updated_at = self.updated_at.max(other.updated_at);
        let newest = self.updated_at.map_or(0, Instant::micros);
        self.field_times = merge.versions;
        self.field_times.retain(|_, version| *version < newest);
        if is_deleted {
            self.delete();
        }
        self.raise(other.ack, other.delivery);
    }

    /// Adds a receipt.
    pub(super) fn receive(&mut self, by: &str, kind: ReceiptKind, at: Instant) {
        let mut delivery = Delivery::default();
        let ack = match kind {
            ReceiptKind::Sent => return self.raise(Some(1), None),
            ReceiptKind::Server => return self.raise(Some(2), None),
            ReceiptKind::Delivered => {
                delivery.delivered.insert(by.to_owned(), at.millis());
                3
            }
            ReceiptKind::Read | ReceiptKind::Played => {
                delivery.read.insert(by.to_owned(), at.millis());
                4
            }
        };
        self.raise(Some(ack), Some(delivery));
    }

    /// Marks it as deleted for everyone. That has no version: it cannot be taken back.
    pub(super) fn delete(&mut self) {
        self.details.insert(IS_DELETED.to_owned(), true.into());
        self.field_times.remove(IS_DELETED);
    }

    fn raise(&mut self, ack: Option<i16>, delivery: Option<Delivery>) {
        self.ack = self.ack.max(ack);
        if let Some(delivery) = delivery {
            self.delivery.get_or_insert_default().merge(delivery);
        }
    }

    fn clock(&mut self) -> Clock {
        let newest = self.updated_at.map_or(0, Instant::micros);
        Clock { newest, older: std::mem::take(&mut self.field_times) }
    }
}

impl Delivery {
    fn merge(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.delivered, other.delivered), (&mut self.read, other.read)] {
            for (contact, at) in theirs {
                mine.entry(contact).and_modify(|earlier| *earlier = at.min(*earlier)).or_insert(at);
            }
        }
        self.pending.extend(other.pending);
        self.settle();
    }

    /// Whoever received it is no longer waited for.
    pub(super) fn settle(&mut self) {
        let (delivered, read) = (&self.delivered, &self.read);
        self.pending.retain(|contact| !delivered.contains_key(contact) && !read.contains_key(contact));
    }
}

/// When each field was last said.
struct Clock {
    newest: i64,
    older: BTreeMap<String, i64>,
}

impl Clock {
    fn version(&self, field: &str) -> i64 {
        self.older.get(field).copied().unwrap_or(self.newest)
    }
}

struct Merge {
    mine: Clock,
    theirs: Clock,
    /// Of the fields that have a value.
    versions: BTreeMap<String, i64>,
}

impl Merge {
    fn pick<T: Ord>(&mut self, field: &str, mine: T, theirs: T) -> T {
        let (mine_at, theirs_at) = (self.mine.version(field), self.theirs.version(field));
        self.versions.insert(field.to_owned(), mine_at.max(theirs_at));
        if (theirs_at, &theirs) > (mine_at, &mine) { theirs } else { mine }
    }

    fn pick_optional<T>(
        &mut self,
        field: &str,
        mine: Option<T>,
        theirs: Option<T>,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> Option<T> {
        let (mine_at, theirs_at) = (self.mine.version(field), self.theirs.version(field));
        let (value, version) = match (mine, theirs) {
            (Some(mine), Some(theirs)) => match theirs_at.cmp(&mine_at).then_with(|| order(&theirs, &mine)) {
                Ordering::Greater => (theirs, theirs_at),
                Ordering::Equal | Ordering::Less => (mine, mine_at),
            },
            (Some(mine), None) => (mine, mine_at),
            (None, Some(theirs)) => (theirs, theirs_at),
            (None, None) => return None,
        };
        self.versions.insert(field.to_owned(), version);
        Some(value)
    }
}

fn by_text(one: &Value, other: &Value) -> Ordering {
    one.to_string().cmp(&other.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(
        updated_at: Option<i64>,
        body: Option<&str>,
        starred: Option<bool>,
        sent_at: i64,
    ) -> MessageState {
        MessageState {
            sent_at: Instant::from_micros(sent_at),
            from_me: true,
            sender: None,
            kind: None,
            body: body.map(str::to_owned),
            details: starred.map(|starred| ("is_starred".to_owned(), starred.into())).into_iter().collect(),
            ack: None,
            delivery: None,
            updated_at: updated_at.map(Instant::from_micros),
            field_times: BTreeMap::new(),
        }
    }

    fn merged(states: &[MessageState]) -> MessageState {
        let mut states = states.iter().cloned();
        let mut merged = states.next().unwrap();
        states.for_each(|state| merged.merge(state));
        merged
    }

    #[test]
    fn a_field_keeps_the_version_it_was_said_in() {
        let state = merged(&[said(Some(1), Some("old"), None, 7), said(Some(3), None, Some(true), 7)]);
        assert_eq!(state.field_times, BTreeMap::from([("body".to_owned(), 1)]));
        let state = merged(&[state, said(Some(2), Some("new"), Some(false), 7)]);
        assert_eq!(state.body.as_deref(), Some("new"));
        assert_eq!(state.details["is_starred"], true);
    }

    #[test]
    fn whoever_received_it_is_not_waited_for() {
        let mut state = said(None, None, None, 1);
        let pending = BTreeSet::from(["15550101001@c.us".to_owned(), "15550101002@c.us".to_owned()]);
        state.raise(None, Some(Delivery { pending: pending.clone(), ..Delivery::default() }));
        state.receive("15550101001@c.us", ReceiptKind::Delivered, Instant::from_micros(5_000));
        state.raise(None, Some(Delivery { pending, ..Delivery::default() }));
        let delivery = state.delivery.unwrap();
        assert_eq!(delivery.pending, BTreeSet::from(["15550101002@c.us".to_owned()]));
        assert_eq!(delivery.delivered["15550101001@c.us"], 5);
        assert_eq!(state.ack, Some(3));
    }

    fn any_state() -> impl Strategy<Value = MessageState> {
        let body = prop::option::of(prop_oneof![Just("a"), Just("b")]);
        (prop::option::of(1..4_i64), body, prop::option::of(any::<bool>()), 0..3_i64)
            .prop_map(|(updated_at, body, starred, sent_at)| said(updated_at, body, starred, sent_at))
    }

    proptest! {
        #[test]
        fn any_order_and_any_grouping_come_to_the_same(states in prop::collection::vec(any_state(), 1..6), split in 0..6_usize) {
            let forth = merged(&states);
            let back: Vec<_> = states.iter().rev().cloned().collect();
            prop_assert_eq!(&merged(&back), &forth);
            let (left, right) = states.split_at(split.min(states.len()));
            if !left.is_empty() && !right.is_empty() {
                prop_assert_eq!(&merged(&[merged(left), merged(right)]), &forth);
            }
            let twice: Vec<_> = states.iter().chain(&states).cloned().collect();
            prop_assert_eq!(&merged(&twice), &forth);
        }
    }
}
