//! A place in the history.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::instant;
use crate::ids::ChatAddress;

/// What a page is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// LIDs with their phone numbers.
    #[default]
    Lids,
    /// Contacts.
    Contacts,
    /// Groups.
    Groups,
    /// Chats with their read marks.
    Chats,
    /// Messages of all chats in one list.
    All,
    /// Messages chat by chat.
    Each,
}

/// The place of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// What the page is of.
    pub(super) stage: Stage,
    /// Items of the stage's list that are done: of chats in the last stage.
    pub(super) offset: usize,
    /// The first item of the page before: a server that ignores the offset returns it again.
    pub(super) first: Option<Value>,
    /// In lists of messages: from this second on, Unix time.
    pub(super) from: i64,
    /// Messages of that second that are done.
    pub(super) skip: usize,
    /// Number of chats.
    pub(super) chats: u64,
    /// When the first page was read, Unix microseconds.
    pub(super) started: i64,
    /// The session's own LID, which the first page reads.
    #[serde(default)]
    pub(super) own_lid: Option<String>,
}

impl Cursor {
    /// The session's own LID.
    pub(super) fn own_lid(&self) -> Option<ChatAddress> {
        self.own_lid.as_ref()?.parse().ok()
    }

    /// Whether the page is the one before it once more.
    pub(super) fn is_repeated(&self, items: &[Value]) -> bool {
        self.first.is_some() && self.first == first(items)
    }

    /// The place after a page of a list.
    pub(super) fn after(self, items: &[Value]) -> Self {
        Self { offset: self.offset + items.len(), first: first(items), ..self }
    }

    /// The place after a page of messages.
    pub(super) fn after_messages(self, items: &[Value]) -> Self {
        let second = |item: &Value| Some(instant(item, &["/timestamp"])?.micros().div_euclid(1_000_000));
        let last = items.iter().rev().find_map(second).unwrap_or(self.from).max(self.from);
        let of_last = items.iter().filter(|item| second(item).is_none_or(|at| at == last)).count();
        let skip = if last == self.from { self.skip + items.len() } else { of_last };
        Self { from: last, skip, first: first(items), ..self }
    }
}

fn first(items: &[Value]) -> Option<Value> {
    let first = items.first()?;
    first.get("id").or_else(|| first.get("lid")).or_else(|| first.get("JID")).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn place_is_a_second_and_the_messages_of_it_that_are_done() {
        let page = |seconds: &[i64]| -> Vec<Value> {
            seconds.iter().enumerate().map(|(n, at)| json!({ "id": n, "timestamp": at })).collect()
        };
        let start = Cursor { from: 1_760_000_000, ..Cursor::default() };
        let place = |cursor: &Cursor| (cursor.from, cursor.skip);
        let next = start.after_messages(&page(&[1_760_000_001, 1_760_000_002, 1_760_000_002]));
        assert_eq!(place(&next), (1_760_000_002, 2));
        let next = next.after_messages(&page(&[1_760_000_002, 1_760_000_002]));
        assert_eq!(place(&next), (1_760_000_002, 4));
        assert!(next.is_repeated(&page(&[1_760_000_002])) && !next.is_repeated(&[]));
    }
}
