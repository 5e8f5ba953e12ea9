//! Writing change events: what a transaction records, and the statement that inserts it.

use diesel::prelude::*;
use serde_json::Value;

use super::changes::FieldChanges;
use crate::ids::{OrgId, SessionId};
use crate::store::connection::{Connection, StoreResult};
use crate::store::ingest::bulk::insert_rows;
use crate::store::schema::events;

/// A change of a chat that a transaction records.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The chat.
    pub chat_key: i64,
    /// The session whose view changed; `None` for a change that all sessions share.
    pub session: Option<SessionId>,
    /// What changed.
    pub kind: EventKind,
    /// The fields that changed; empty for kinds without fields.
    pub changes: FieldChanges,
}

/// The kind of a change event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A session holds the chat from now on.
    Attached,
    /// A session no longer holds the chat.
    Detached,
    /// The chat was deleted, with all data about it. The last event of a chat.
    Deleted,
    /// What the chat is: address, name, picture, group settings and the like.
    Details,
    /// The member that the chat is assigned to.
    Assignee,
    /// The chat's labels, or the name of one of them.
    Labels,
    /// The values of custom properties.
    Properties,
    /// The members that may see the chat.
    Access,
    /// The members of the group.
    Members,
    /// A session's archived, pinned, exited or muted.
    State,
    /// A session's latest message or unread count.
    Messages,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Attached,
        Self::Detached,
        Self::Deleted,
        Self::Details,
        Self::Assignee,
        Self::Labels,
        Self::Properties,
        Self::Access,
        Self::Members,
        Self::State,
        Self::Messages,
    ];

    /// The kind's name in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Detached => "detached",
            Self::Deleted => "deleted",
            Self::Details => "details",
            Self::Assignee => "assignee",
            Self::Labels => "labels",
            Self::Properties => "properties",
            Self::Access => "access",
            Self::Members => "members",
            Self::State => "state",
            Self::Messages => "messages",
        }
    }
}

/// Inserts the events that a transaction recorded, in their order.
pub fn insert(
    connection: &mut Connection,
    org: OrgId,
    actor: &str,
    recorded: Vec<NewEvent>,
) -> StoreResult<()> {
    let rows: Vec<(i64, Option<SessionId>, EventKind, Value)> = recorded
        .into_iter()
        .map(|event| (event.chat_key, event.session, event.kind, event.changes.into_json()))
        .collect();
    insert_rows!(org, events, rows, |row| {
        chat_key: row.0,
        session_id: row.1,
        kind: row.2.as_str(),
        actor: actor,
        changes: &row.3,
    })
    .execute(connection)?;
    Ok(())
}
