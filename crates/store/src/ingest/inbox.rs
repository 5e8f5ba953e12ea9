//! Statements of ingest for the organization's own data of chats.

use diesel::prelude::*;
use serde_json::Value;

use super::changed::Changed;
use crate::bulk::{has_key_of, update_rows};
use crate::chats::emails;
use crate::connection::{Connection, StoreResult};
use crate::events::{EventKind, FieldChanges};
use crate::schema::chats;
use crate::transaction::Transaction;
use switchboard_core::ids::OrgId;
use switchboard_core::instant::Instant;

/// The part of it that is in the chat's own row.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct InboxRow {
    /// The chat inside this database.
    pub chat_key: i64,
    /// The key of the member it is assigned to.
    pub assignee: Option<String>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// HubSpot's data of the chat.
    pub hubspot_metadata: Value,
    /// Time of the last change to what all sessions share.
    pub updated_at: Instant,
}

/// Locks and returns these chats.
pub fn lock(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<InboxRow>> {
    Ok(chats::table
        .filter(has_key_of!(org, chats, keys, |key| { chat_key: *key }))
        .select((
            chats::chat_key,
            chats::assignee,
            chats::closed_at,
            chats::hubspot_metadata,
            chats::updated_at,
        ))
        .order(chats::chat_key)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates these chats, and records what changed.
pub fn update(tx: &mut Transaction<'_>, changed: &[Changed<InboxRow>]) -> StoreResult<()> {
    set(tx, changed)?;
    for row in changed {
        tx.record_changes(
            row.after.chat_key,
            None,
            EventKind::Details,
            details(row, FieldChanges::default()),
        );
    }
    record_assignees(tx, changed)
}

/// [`update`] without recording.
pub(super) fn set(tx: &mut Transaction<'_>, changed: &[Changed<InboxRow>]) -> StoreResult<()> {
    let update = update_rows!(tx.org(), chats, changed, |row| { chat_key: row.after.chat_key } set {
        assignee: row.after.assignee.as_deref(),
        closed_at: row.after.closed_at,
        hubspot_metadata: &row.after.hubspot_metadata,
        updated_at: row.after.updated_at,
    });
    update.execute(&mut **tx)?;
    Ok(())
}

/// Adds the changed fields of a chat, as change events of kind `details` have them.
pub(super) fn details(Changed { before, after }: &Changed<InboxRow>, others: FieldChanges) -> FieldChanges {
    others.field("closed_at", &before.closed_at, &after.closed_at).field(
        "hubspot_metadata",
        &before.hubspot_metadata,
        &after.hubspot_metadata,
    )
}

/// Records the changes of assignees, by their emails.
pub(super) fn record_assignees(tx: &mut Transaction<'_>, changed: &[Changed<InboxRow>]) -> StoreResult<()> {
    let org = tx.org();
    let changed: Vec<_> = changed.iter().filter(|row| row.before.assignee != row.after.assignee).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let keys = changed.iter().flat_map(|row| [row.before.assignee.as_deref(), row.after.assignee.as_deref()]);
    let emails = emails(tx, org, &keys.flatten().collect::<Vec<_>>())?;
    let email = |key: &Option<String>| key.as_ref().map(|key| emails.get(key).unwrap_or(key).clone());
    for Changed { before, after } in changed {
        let changes =
            FieldChanges::default().field("assignee", &email(&before.assignee), &email(&after.assignee));
        tx.record_changes(after.chat_key, None, EventKind::Assignee, changes);
    }
    Ok(())
}
