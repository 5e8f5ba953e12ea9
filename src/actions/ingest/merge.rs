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
