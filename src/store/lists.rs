//! What the lists that are counted from their start have in common: which numbers they are about, which page is read, and
//! what comes of it.

use std::sync::Arc;

use crate::ids::{Phone, PhoneId, PhoneSelector, SessionId};

/// Which numbers a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionScope {
    /// One; `None` for every one that may be looked through.
    pub number: Option<PhoneSelector>,
    /// The only sessions to look through; `None` for all of the organization's.
    pub sessions: Option<Arc<[SessionId]>>,
}

/// Which page of a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many items to leave out.
    pub offset: i64,
    /// How many items to read at most.
    pub limit: i64,
    /// Whether to say how many items the list has.
    pub is_counted: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// How many items the list has, if that was asked for.
    pub count: Option<i64>,
    /// The items of the page, in order.
    pub items: Vec<T>,
}

/// A selected number by its digits or by its phone id, as SQL functions take it.
pub(super) fn split(number: Option<&PhoneSelector>) -> (Option<&Phone>, Option<&PhoneId>) {
    match number {
        None => (None, None),
        Some(PhoneSelector::Phone(phone)) => (Some(phone), None),
        Some(PhoneSelector::PhoneId(id)) => (None, Some(id)),
    }
}
