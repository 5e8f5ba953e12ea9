//! The state of a message, merged from events in any order.
//!
//! Every field is a register of its own: the newer version wins, and of two values of one version the greater, so that the
//! result does not depend on the order. A field that an event leaves out is not changed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::instant::Instant;

const IS_DELETED: &str = "is_deleted";

/// Everything that is stored of a message apart from its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MessageState {
    pub(super) sent_at: Instant,
    pub(super) from_me: bool,
    pub(super) sender: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) body: Option<String>,
    /// Fields without a column of their own, by their names in the proto.
    pub(super) details: Map<String, Value>,
    pub(super) ack: Option<i16>,
    pub(super) delivery: Option<Delivery>,
    /// The newest version of any field.
    pub(super) updated_at: Option<Instant>,
    /// Versions of the fields that are older than `updated_at`, in Unix microseconds.
    pub(super) field_times: BTreeMap<String, i64>,
}

/// Who received and read a message, in Unix milliseconds. The earliest instant counts.
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
    /// Merges the state of another event about the same message.
    pub(super) fn merge(&mut self, mut other: Self) {
        let mut merge =
            Merge { own: self.take_versions(), other: other.take_versions(), merged: BTreeMap::new() };
        self.sent_at = merge.pick("timestamp", self.sent_at, other.sent_at);
        self.from_me = merge.pick("from_me", self.from_me, other.from_me);
        self.sender = merge.pick_optional("sender_phone", self.sender.take(), other.sender, Ord::cmp);
        self.kind = merge.pick_optional("message_type", self.kind.take(), other.kind, Ord::cmp);
        self.body = merge.pick_optional("body", self.body.take(), other.body, Ord::cmp);

        let mut details = std::mem::take(&mut self.details);
        let is_deleted =
            [&details, &other.details].iter().any(|details| details.get(IS_DELETED) == Some(&true.into()));
        let names: BTreeSet<String> = details.keys().chain(other.details.keys()).cloned().collect();
        for name in names {
            let (own, other) = (details.remove(&name), other.details.remove(&name));
            if let Some(value) = merge.pick_optional(&name, own, other, by_text) {
                self.details.insert(name, value);
            }
        }

        self.updated_at = self.updated_at.max(other.updated_at);
        let newest = self.updated_at.map_or(0, Instant::micros);
        self.field_times = merge.merged;
        self.field_times.retain(|_, version| *version < newest);
        if is_deleted {
            self.delete();
        }
        self.raise(other.ack, other.delivery);
    }

    /// Applies a receipt of a contact, or a deletion. An unknown kind changes nothing.
    pub(super) fn apply_receipt(&mut self, contact: &str, kind: &str, at: Instant) {
        let times = || BTreeMap::from([(contact.to_owned(), at.millis())]);
        match kind {
            "deleted" => self.delete(),
            "sent" => self.raise(Some(1), None),
            "server" => self.raise(Some(2), None),
            "delivered" => {
                self.raise(Some(3), Some(Delivery { delivered: times(), ..Delivery::default() }));
            }
            "read" | "played" => self.raise(Some(4), Some(Delivery { read: times(), ..Delivery::default() })),
            _ => {}
        }
    }

    /// Marks the message as deleted for everyone. That has no version: it cannot be undone.
    fn delete(&mut self) {
        self.details.insert(IS_DELETED.to_owned(), true.into());
        self.field_times.remove(IS_DELETED);
    }

    fn raise(&mut self, ack: Option<i16>, delivery: Option<Delivery>) {
        self.ack = self.ack.max(ack);
        if let Some(delivery) = delivery {
            self.delivery.get_or_insert_default().merge(delivery);
        }
    }

    fn take_versions(&mut self) -> Versions {
        let newest = self.updated_at.map_or(0, Instant::micros);
        Versions { newest, older: std::mem::take(&mut self.field_times) }
    }
}

impl Delivery {
    fn merge(&mut self, other: Self) {
        for (own, other) in [(&mut self.delivered, other.delivered), (&mut self.read, other.read)] {
            for (contact, at) in other {
                own.entry(contact).and_modify(|earlier| *earlier = at.min(*earlier)).or_insert(at);
            }
        }
        self.pending.extend(other.pending);
        self.remove_received_from_pending();
    }

    /// Removes the contacts that received or read the message from those that have not.
    pub(super) fn remove_received_from_pending(&mut self) {
        let (delivered, read) = (&self.delivered, &self.read);
        self.pending.retain(|contact| !delivered.contains_key(contact) && !read.contains_key(contact));
    }
}

/// The versions of a state's fields, in Unix microseconds.
struct Versions {
    newest: i64,
    older: BTreeMap<String, i64>,
}

impl Versions {
    fn of(&self, field: &str) -> i64 {
        self.older.get(field).copied().unwrap_or(self.newest)
    }
}

struct Merge {
    own: Versions,
    other: Versions,
    /// The versions of the merged fields that have a value.
    merged: BTreeMap<String, i64>,
}

impl Merge {
    fn pick<T: Ord>(&mut self, field: &str, own: T, other: T) -> T {
        let (own_at, other_at) = (self.own.of(field), self.other.of(field));
        self.merged.insert(field.to_owned(), own_at.max(other_at));
        if (other_at, &other) > (own_at, &own) { other } else { own }
    }

    fn pick_optional<T>(
        &mut self,
        field: &str,
        own: Option<T>,
        other: Option<T>,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> Option<T> {
        let (own_at, other_at) = (self.own.of(field), self.other.of(field));
        let (value, version) = match (own, other) {
            (Some(own), Some(other)) => match other_at.cmp(&own_at).then_with(|| order(&other, &own)) {
                Ordering::Greater => (other, other_at),
                Ordering::Equal | Ordering::Less => (own, own_at),
            },
            (Some(own), None) => (own, own_at),
            (None, Some(other)) => (other, other_at),
            (None, None) => return None,
        };
        self.merged.insert(field.to_owned(), version);
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

    fn state(
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
    fn field_keeps_its_own_version() {
        let first = merged(&[state(Some(1), Some("old"), None, 7), state(Some(3), None, Some(true), 7)]);
        assert_eq!(first.field_times, BTreeMap::from([("body".to_owned(), 1)]));
        let second = merged(&[first, state(Some(2), Some("new"), Some(false), 7)]);
        assert_eq!(second.body.as_deref(), Some("new"));
        assert_eq!(second.details["is_starred"], true);
    }

    #[test]
    fn contact_that_received_is_not_pending() {
        let mut message = state(None, None, None, 1);
        let pending = BTreeSet::from(["15550101001@c.us".to_owned(), "15550101002@c.us".to_owned()]);
        message.raise(None, Some(Delivery { pending: pending.clone(), ..Delivery::default() }));
        message.apply_receipt("15550101001@c.us", "delivered", Instant::from_micros(5_000));
        message.raise(None, Some(Delivery { pending, ..Delivery::default() }));
        let delivery = message.delivery.unwrap();
        assert_eq!(delivery.pending, BTreeSet::from(["15550101002@c.us".to_owned()]));
        assert_eq!(delivery.delivered["15550101001@c.us"], 5);
        assert_eq!(message.ack, Some(3));
    }

    fn any_state() -> impl Strategy<Value = MessageState> {
        let body = prop::option::of(prop_oneof![Just("a"), Just("b")]);
        (prop::option::of(1..4_i64), body, prop::option::of(any::<bool>()), 0..3_i64)
            .prop_map(|(updated_at, body, starred, sent_at)| state(updated_at, body, starred, sent_at))
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
}
