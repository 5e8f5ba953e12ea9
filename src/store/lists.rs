//! Shared types of lists with offset pagination.

use std::sync::Arc;

use crate::caller::Caller;
use crate::ids::{Phone, PhoneId, PhoneSelector, SessionId};

/// The sessions a list covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionScope {
    /// Only the session with this phone; `None` for all in `sessions`.
    pub phone: Option<PhoneSelector>,
    /// Only these sessions; `None` for all of the organization.
    pub sessions: Option<Arc<[SessionId]>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
}

impl SessionScope {
    /// What a caller sees of the session with that phone, or of all.
    pub fn of(caller: &Caller, phone: Option<PhoneSelector>) -> Self {
        Self { phone, sessions: caller.sessions.clone(), viewer: caller.viewer() }
    }
}

/// The page of a list to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWindow {
    /// Number of items to skip.
    pub offset: i64,
    /// Maximum number of items.
    pub limit: i64,
    /// Whether to return the length of the list.
    pub with_count: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    /// Length of the list, if requested.
    pub count: Option<i64>,
    /// The items of the page, in order.
    pub items: Vec<T>,
}

/// Splits a phone selector into the two arguments that SQL functions take.
pub(super) fn phone_arguments(selector: Option<&PhoneSelector>) -> (Option<&Phone>, Option<&PhoneId>) {
    match selector {
        None => (None, None),
        Some(PhoneSelector::Phone(phone)) => (Some(phone), None),
        Some(PhoneSelector::PhoneId(id)) => (None, Some(id)),
    }
}
