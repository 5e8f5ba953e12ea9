//! Filters of a list of chats.

use switchboard_core::instant::Instant;

/// Filters of a list of chats; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// `user`, `group` or `business`.
    pub chat_type: Option<&'static str>,
    /// Is a group, by its address. In lists of one session.
    pub group: Option<bool>,
    /// Has all of these labels.
    pub labels: LabelsFilter,
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
    /// The session has pinned it. In lists of one session.
    pub pinned: Option<bool>,
    /// Is muted now, by the database's clock. In lists of one session.
    pub muted: Option<bool>,
    /// The name or the phone number contains this text, ignoring case and accents.
    pub name: Option<String>,
}

/// The order of a list of chats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChatOrder {
    /// Newest activity first, then by chat id.
    #[default]
    Newest,
    /// The reverse.
    Oldest,
}

/// An assignee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    /// The chat is not assigned.
    Nobody,
    /// The member with this key.
    Member(String),
}

/// Labels, each by its id or its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsFilter {
    /// The texts as label ids.
    pub ids: Vec<String>,
    /// The texts as normalized label names.
    pub keys: Vec<String>,
}
