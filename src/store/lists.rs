//! What the lists have in common: which numbers a list is about, which part of it is read, and how long it is.

use std::sync::Arc;

use diesel::pg::Pg;
use diesel::prelude::*;

use super::schema::{list_counts, sessions};
use super::{Connection, StoreResult};
use crate::ids::{OrgId, PhoneSelector, SessionId};

/// Which numbers a list is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// All of the organization's.
    All,
    /// One.
    One(SessionId),
    /// Some.
    Some(Arc<[SessionId]>),
}

/// Which part of a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many rows to leave out.
    pub offset: i64,
    /// How many to read at most.
    pub limit: i64,
    /// Whether to count from the list's end. The rows come in the order of the list all the same.
    pub from_end: bool,
}

/// The lists whose length is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Chats.
    Chats,
    /// Messages.
    Messages,
}

/// The session of the selected number.
pub fn session(
    connection: &mut Connection,
    org: OrgId,
    number: &PhoneSelector,
) -> StoreResult<Option<SessionId>> {
    let selected = sessions::table.filter(sessions::org_id.eq(org)).select(sessions::session_id);
    let session = match number {
        PhoneSelector::Phone(phone) => selected.filter(sessions::phone.eq(phone)).first(connection),
        PhoneSelector::PhoneId(id) => selected.filter(sessions::phone_id.eq(id)).first(connection),
    };
    Ok(session.optional()?)
}

/// How many rows a list without filters has; `None` where that is not kept: chats that several numbers hold are listed
/// once, so their counts do not add up.
pub fn kept_count(
    connection: &mut Connection,
    org: OrgId,
    list: List,
    numbers: &Numbers,
) -> StoreResult<Option<i64>> {
    let name = match list {
        List::Chats => "chats",
        List::Messages => "messages",
    };
    let shards = list_counts::table
        .filter(list_counts::org_id.eq(org))
        .filter(list_counts::list.eq(name))
        .select(list_counts::count)
        .into_boxed::<Pg>();
    let shards = match (list, numbers) {
        (List::Chats, Numbers::All) => shards.filter(list_counts::session_id.eq("")),
        (List::Messages, Numbers::All) => shards,
        (_, Numbers::One(session)) => shards.filter(list_counts::session_id.eq(*session)),
        (List::Messages, Numbers::Some(some)) => shards.filter(list_counts::session_id.eq_any(some.iter())),
        (List::Chats, Numbers::Some(_)) => return Ok(None),
    };
    let shards: Vec<i64> = shards.load(connection)?;
    Ok(Some(shards.into_iter().sum()))
}
