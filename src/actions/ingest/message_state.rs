//! The state of a message, merged from events in any order.
//!
//! Every field is a register of its own: the newer version wins, and of two values of one version the greater, so that the
//! result does not depend on the order. A field that an event leaves out is not changed. The text is the newest of all texts,
//! `prev_body` the newest other one. When a message was sent and by whom never changes.

mod registers;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::instant::Instant;
use crate::pb::NOTICES;
use registers::{Merge, Versions, by_text};

const IS_DELETED: &str = "is_deleted";
/// The name of the text before the last edit among the details.
pub(super) const PREV_BODY: &str = "prev_body";
/// Details that show what a deleted message said.
const DELETED_DETAILS: [&str; 13] = [
    PREV_BODY,
    "duration",
    "invite_v4",
    "links",
    "location",
    "media",
    "media_key",
    "mentioned_ids",
    "order_id",
    "poll_info",
    "poll_results",
    "raw_data",
    "vcards",
];
const FAILED: i16 = -1;

/// Everything that is stored of a message apart from its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MessageState {
    pub(super) sent_at: Instant,
    pub(super) from_me: bool,
    pub(super) sender: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) body: Option<String>,
    /// The text as first sent, without a version; `None` while `body` is that text.
    pub(super) first_body: Option<String>,
    /// Fields without a column of their own, by their names in the proto.
    pub(super) details: Map<String, Value>,
    pub(super) ack: Option<i16>,
    pub(super) delivery: Option<Delivery>,
    /// The last reaction of each person, also a removed one.
    pub(super) reactions: BTreeMap<String, Reaction>,
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
    /// When it failed, or its outcome became unknown, as last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed_at: Option<i64>,
    /// Why it failed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure_reason: Option<String>,
}

/// A reaction: when, in Unix microseconds, and the emoji; an empty one when it was removed. The greater one wins.
pub(super) type Reaction = (i64, String);

/// What happens to a message; it may arrive before the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    /// `sent`, `server`, `delivered`, `read`, `played`, `failed`, `unknown`, `edit`, `reaction` or `deleted`.
    pub(super) kind: String,
    /// The contact; of an edit its time, so that each edit is an update of its own; otherwise empty.
    pub(super) contact: String,
    pub(super) at: Instant,
    /// The reason of a failure, the text of an edit, or the emoji of a reaction.
    pub(super) value: Option<String>,
}

impl Update {
    /// The kind of event that it comes from, as JSON spells it.
    pub(super) fn event(&self) -> &'static str {
        match self.kind.as_str() {
            "edit" => "edit",
            "reaction" => "reaction",
            "deleted" => "deleteMessage",
            _ => "receipt",
        }
    }
}

impl MessageState {
    /// The addresses of the sender, the author, and the persons that are mentioned, received it or reacted.
    pub(super) fn persons(&self) -> impl Iterator<Item = &str> {
        let author = self.details.get("author").and_then(Value::as_str);
        let mentioned = self.details.get("mentioned_ids").and_then(Value::as_array).into_iter().flatten();
        let mentioned = mentioned.filter_map(Value::as_str);
        let delivery = self.delivery.iter().flat_map(|delivery| {
            delivery.delivered.keys().chain(delivery.read.keys()).chain(&delivery.pending).map(String::as_str)
        });
        let sender_and_reactions = self.sender.iter().chain(self.reactions.keys()).map(String::as_str);
        sender_and_reactions.chain(author).chain(mentioned).chain(delivery)
    }

    /// Merges the state of another event about the same message.
    pub(super) fn merge(&mut self, mut other: Self) {
        let mut merge =
            Merge { own: self.take_versions(), other: other.take_versions(), merged: BTreeMap::new() };
        self.sender = merge.pick_optional("sender_phone", self.sender.take(), other.sender.take(), Ord::cmp);
        self.kind = merge.pick_optional("message_type", self.kind.take(), other.kind.take(), Ord::cmp);
        let previous = self.merge_texts(&mut merge, &mut other);
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
        if let Some((version, text)) = previous {
            merge.merged.insert(PREV_BODY.to_owned(), version);
            self.details.insert(PREV_BODY.to_owned(), text.into());
        }
        for (by, reaction) in other.reactions {
            let newest = self.reactions.entry(by).or_default();
            *newest = reaction.max(std::mem::take(newest));
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

    /// Merges texts, each with its version. Returns the text before the last edit.
    fn merge_texts(&mut self, merge: &mut Merge, other: &mut Self) -> Option<(i64, String)> {
        let mut texts: Vec<(i64, String)> = Vec::new();
        let has_body =
            [&*self, &*other].iter().any(|state| state.body.is_some() || state.first_body.is_some());
        for (state, versions) in [(&mut *self, &merge.own), (other, &merge.other)] {
            let previous = match state.details.remove(PREV_BODY) {
                Some(Value::String(text)) => Some((versions.of(PREV_BODY), text)),
                Some(_) | None => None,
            };
            texts.extend(state.body.take().map(|text| (versions.of("body"), text)));
            texts.extend(previous);
            texts.extend(state.first_body.take().map(|text| (0, text)));
        }
        texts.sort_unstable();
        if !has_body {
            return texts.pop();
        }
        let first = texts.iter().rfind(|(version, _)| *version == 0).map(|(_, text)| text.clone());
        let (version, body) = texts.pop()?;
        merge.merged.insert("body".to_owned(), version);
        let previous = texts.into_iter().rfind(|(_, text)| *text != body);
        self.first_body = first.filter(|_| version != 0);
        self.body = Some(body);
        previous
    }

    /// Whether the message is neither counted as unread nor a chat's latest message.
    pub(super) fn is_silent(&self) -> bool {
        let is_notice = self.kind.as_deref().is_some_and(|kind| NOTICES.binary_search(&kind).is_ok());
        is_notice || self.details.get("silent") == Some(&true.into())
    }

    /// Whether it was deleted for everyone.
    pub(super) fn is_deleted(&self) -> bool {
        self.details.get(IS_DELETED) == Some(&true.into())
    }

    /// Whether a text without a version is one of this message's, or the first of them.
    pub(super) fn accepts_text(&self, text: &str) -> bool {
        let newest = self.updated_at.map_or(0, Instant::micros);
        let is_edited = self.field_times.get("body").copied().unwrap_or(newest) != 0;
        let previous = self.details.get(PREV_BODY).and_then(Value::as_str);
        let known = [self.body.as_deref(), previous, self.first_body.as_deref()];
        self.body.is_none() || (is_edited && self.first_body.is_none()) || known.contains(&Some(text))
    }

    /// Applies an update. An unknown kind changes nothing.
    pub(super) fn apply(&mut self, Update { kind, contact, at, value }: &Update) {
        let times = || BTreeMap::from([(contact.clone(), at.millis())]);
        let text = || value.clone().unwrap_or_default();
        let nothing = Self::new(self.sent_at, self.from_me);
        match kind.as_str() {
            "deleted" => self.delete(),
            "failed" | "unknown" => {
                let (failed_at, failure_reason) = (Some(at.millis()), value.clone());
                let ack = (kind == "failed").then_some(FAILED);
                self.raise(ack, Some(Delivery { failed_at, failure_reason, ..Delivery::default() }));
            }
            "edit" => self.merge(Self { body: Some(text()), updated_at: Some(*at), ..nothing }),
            "reaction" => {
                let reactions = BTreeMap::from([(contact.clone(), (at.micros(), text()))]);
                self.merge(Self { reactions, ..nothing });
            }
            "sent" => self.raise(Some(1), None),
            "server" => self.raise(Some(2), None),
            "delivered" => {
                self.raise(Some(3), Some(Delivery { delivered: times(), ..Delivery::default() }));
            }
            "read" | "played" => self.raise(Some(4), Some(Delivery { read: times(), ..Delivery::default() })),
            _ => {}
        }
    }

    /// A message of which nothing else is known.
    pub(super) fn new(sent_at: Instant, from_me: bool) -> Self {
        Self {
            sent_at,
            from_me,
            sender: None,
            kind: None,
            body: None,
            first_body: None,
            details: Map::new(),
            ack: None,
            delivery: None,
            reactions: BTreeMap::new(),
            updated_at: None,
            field_times: BTreeMap::new(),
        }
    }

    /// The same message without what it said, if it is deleted.
    pub(super) fn without_deleted_text(mut self) -> Self {
        if self.is_deleted() {
            self.delete();
        }
        self
    }

    /// Marks the message as deleted for everyone, and removes what it said. That has no version: it cannot be undone.
    fn delete(&mut self) {
        self.details.retain(|name, _| !DELETED_DETAILS.contains(&name.as_str()));
        self.details.insert(IS_DELETED.to_owned(), true.into());
        (self.body, self.first_body) = (None, None);
        let removed = [IS_DELETED, "body"];
        self.field_times
            .retain(|name, _| !removed.contains(&name.as_str()) && !DELETED_DETAILS.contains(&name.as_str()));
    }

    fn raise(&mut self, ack: Option<i16>, delivery: Option<Delivery>) {
        // A failure may be reported after the server's receipt, but what was delivered has not failed.
        let rank = |ack: &Option<i16>| ack.map(|ack| if ack == FAILED { 5 } else { ack * 2 });
        self.ack = std::cmp::max_by_key(self.ack, ack, rank);
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
        if (other.failed_at, &other.failure_reason) > (self.failed_at, &self.failure_reason) {
            (self.failed_at, self.failure_reason) = (other.failed_at, other.failure_reason);
        }
        self.remove_received_from_pending();
    }

    /// Removes the contacts that received or read the message from those that have not.
    pub(super) fn remove_received_from_pending(&mut self) {
        let (delivered, read) = (&self.delivered, &self.read);
        self.pending.retain(|contact| !delivered.contains_key(contact) && !read.contains_key(contact));
    }
}

#[cfg(test)]
mod tests;
