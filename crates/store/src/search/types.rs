//! What a search is restricted to, and what it returns.

use std::sync::Arc;

use diesel::prelude::*;

use crate::message_views::MessageView;
use switchboard_core::ids::{ChatAddress, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;

/// Filters of a search; `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Stored by one of these sessions.
    pub sessions: Option<Vec<SessionId>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
    /// Stored by the session with this phone.
    pub phone: Option<PhoneSelector>,
    /// In the chat with this address.
    pub chat: Option<ChatAddress>,
    /// Sent by the contact with this address.
    pub sender: Option<ChatAddress>,
    /// Sent by the session's own number, or received by it.
    pub from_me: Option<bool>,
    /// Sent at this time or later.
    pub sent_from: Option<Instant>,
    /// Sent before this time.
    pub sent_before: Option<Instant>,
}

/// The page of results to return.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Order by time instead of rank.
    pub newest_first: bool,
    /// Maximum number of matches that are counted and ranked: the newest ones, if there are more.
    pub max_matches: i64,
    /// Number of hits to skip.
    pub offset: i64,
    /// Maximum number of hits.
    pub limit: i64,
}

/// A message that matches.
#[derive(Clone, Debug, Queryable)]
pub struct Hit {
    /// PostgreSQL's `ts_rank_cd`.
    pub rank: f32,
    /// Phone number of the session that stored it, in digits.
    pub phone: String,
    /// The chat's canonical address.
    pub chat_id: String,
    /// The name of its file.
    pub file_name: Option<String>,
    /// The message.
    pub message: MessageView,
}
