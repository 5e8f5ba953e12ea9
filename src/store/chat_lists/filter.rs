//! Filters of a list of chats.

use crate::instant::Instant;

/// Filters of a list of chats; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// `user`, `group` or `business`.
    pub chat_type: Option<&'static str>,
    /// Has this label.
    pub label: Option<LabelFilter>,
    /// The newest message was sent at this time or later.
    pub start: Option<Instant>,
    /// The newest message was sent before this time.
    pub end: Option<Instant>,
    /// Has unread messages, or has none.
    pub unread: Option<bool>,
    /// Is assigned to this member, or to nobody.
    pub assigned: Option<AssigneeFilter>,
    /// Is closed.
    pub closed: Option<bool>,
    /// The session whose state is listed has archived it.
    pub archived: Option<bool>,
}

/// An assignee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    /// The chat is not assigned.
    Nobody,
    /// The member with this key.
    Member(String),
}

/// A label by its id or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// The text as a label id.
    pub id: String,
    /// The text as a normalized label name.
    pub key: String,
}
