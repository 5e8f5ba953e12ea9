//! Statements of ingest for the organization's own data of chats.

use std::collections::BTreeSet;

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use serde_json::Value;

use super::bulk::{has_key_of, insert_rows, replace_columns, update_rows};
use crate::ids::{LabelId, OrgId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{chat_access, chat_labels, chat_properties, chats};

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
    Ok(QueryDsl::filter(chats::table, has_key_of!(org, chats, keys, |key| { chat_key: *key }))
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

/// Updates these chats, which exist.
pub fn update(connection: &mut Connection, org: OrgId, rows: &[InboxRow]) -> StoreResult<()> {
    let update = update_rows!(org, chats, rows, |row| { chat_key: row.chat_key } set {
        assignee: row.assignee.as_deref(),
        closed_at: row.closed_at,
        hubspot_metadata: &row.hubspot_metadata,
        updated_at: row.updated_at,
    });
    update.execute(connection)?;
    Ok(())
}

/// Replaces the labels of these chats. Returns the chats that changed.
pub fn replace_labels(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
    labels: &[(i64, &LabelId)],
) -> StoreResult<BTreeSet<i64>> {
    let is_kept =
        has_key_of!(org, chat_labels, labels, |label| { chat_key: label.0, label_id: label.1.as_str() });
    let others = diesel::delete(chat_labels::table)
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::chat_key.eq_any(keys))
        .filter(not(is_kept));
    let removed: Vec<i64> = others.returning(chat_labels::chat_key).get_results(connection)?;
    let added: Vec<i64> =
        insert_rows!(org, chat_labels, labels, |label| { chat_key: label.0, label_id: label.1.as_str() })
            .on_conflict_do_nothing()
            .returning(chat_labels::chat_key)
            .get_results(connection)?;
    Ok(removed.into_iter().chain(added).collect())
}

/// Inserts or updates values of custom properties. Returns the chats that changed.
pub fn set_values(
    connection: &mut Connection,
    org: OrgId,
    values: &[(i64, &str, &Value)],
) -> StoreResult<BTreeSet<i64>> {
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let insert = insert_rows!(org, chat_properties, values, |value| {
        chat_key: value.0,
        property_id: value.1,
        value: value.2,
    });
    let upsert = insert
        .on_conflict((chat_properties::org_id, chat_properties::chat_key, chat_properties::property_id))
        .do_update()
        .set(replace_columns!(chat_properties: value));
    // `QueryDsl` has no `filter` for an upsert.
    let upsert = FilterDsl::filter(upsert, chat_properties::value.ne(excluded(chat_properties::value)));
    let changed: Vec<i64> = upsert.returning(chat_properties::chat_key).get_results(connection)?;
    Ok(changed.into_iter().collect())
}

/// Deletes values of custom properties. Returns the chats that had them.
pub fn remove_values(
    connection: &mut Connection,
    org: OrgId,
    values: &[(i64, &str)],
) -> StoreResult<BTreeSet<i64>> {
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let is_removed =
        has_key_of!(org, chat_properties, values, |value| { chat_key: value.0, property_id: value.1 });
    let removed = diesel::delete(chat_properties::table).filter(is_removed);
    let changed: Vec<i64> = removed.returning(chat_properties::chat_key).get_results(connection)?;
    Ok(changed.into_iter().collect())
}

/// Sets the access of members to chats. Returns the chats that changed.
pub fn set_access(
    connection: &mut Connection,
    org: OrgId,
    access: &[(i64, &str, bool)],
) -> StoreResult<BTreeSet<i64>> {
    if access.is_empty() {
        return Ok(BTreeSet::new());
    }
    let insert = insert_rows!(org, chat_access, access, |access| {
        chat_key: access.0,
        member_key: access.1,
        allowed: access.2,
    });
    let upsert = insert
        .on_conflict((chat_access::org_id, chat_access::chat_key, chat_access::member_key))
        .do_update()
        .set(replace_columns!(chat_access: allowed));
    let upsert = FilterDsl::filter(upsert, chat_access::allowed.ne(excluded(chat_access::allowed)));
    let changed: Vec<i64> = upsert.returning(chat_access::chat_key).get_results(connection)?;
    Ok(changed.into_iter().collect())
}
