//! Statements of ingest for the organization's own data of chats.

use std::collections::BTreeSet;

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid};
use diesel::upsert::excluded;
use serde_json::Value;

use super::bulk::{UpdateRows, array, key_in, texts, unnest};
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
    Ok(QueryDsl::filter(
        chats::table,
        key_in((chats::org_id, chats::chat_key), org, array::<BigInt, _>(keys)),
    )
    .select((chats::chat_key, chats::assignee, chats::closed_at, chats::hubspot_metadata, chats::updated_at))
    .order(chats::chat_key)
    .for_no_key_update()
    .load(connection)?)
}

/// Updates these chats, which exist.
pub fn update(connection: &mut Connection, org: OrgId, rows: &[InboxRow]) -> StoreResult<()> {
    let statement = UpdateRows {
        table: "chats",
        keys: &["chat_key"],
        columns: &["assignee", "closed_at", "hubspot_metadata", "updated_at"],
        org,
        arrays: (
            array::<BigInt, _>(rows.iter().map(|row| row.chat_key).collect::<Vec<_>>()),
            array::<Nullable<Text>, _>(rows.iter().map(|row| row.assignee.as_deref()).collect::<Vec<_>>()),
            array::<Nullable<Timestamptz>, _>(rows.iter().map(|row| row.closed_at).collect::<Vec<_>>()),
            array::<Jsonb, _>(rows.iter().map(|row| &row.hubspot_metadata).collect::<Vec<_>>()),
            array::<Timestamptz, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>()),
        ),
    };
    statement.execute(connection)?;
    Ok(())
}

/// Replaces the labels of these chats. Returns the chats that changed.
pub fn replace_labels(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
    labels: &[(i64, &LabelId)],
) -> StoreResult<BTreeSet<i64>> {
    let (chat_keys, ids): (Vec<i64>, Vec<&str>) = labels.iter().map(|(key, id)| (*key, id.as_str())).unzip();
    let others = diesel::delete(chat_labels::table)
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::chat_key.eq_any(keys))
        .filter(not(key_in(
            (chat_labels::org_id, chat_labels::chat_key, chat_labels::label_id),
            org,
            (array::<BigInt, _>(chat_keys.clone()), texts(ids.clone())),
        )));
    let removed: Vec<i64> = others.returning(chat_labels::chat_key).get_results(connection)?;
    let added: Vec<i64> =
        diesel::select((org.into_sql::<Uuid>(), unnest(array::<BigInt, _>(chat_keys)), unnest(texts(ids))))
            .insert_into(chat_labels::table)
            .into_columns((chat_labels::org_id, chat_labels::chat_key, chat_labels::label_id))
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
    let upsert = diesel::select((
        org.into_sql::<Uuid>(),
        unnest(array::<BigInt, _>(values.iter().map(|(key, ..)| *key).collect::<Vec<_>>())),
        unnest(texts(values.iter().map(|(_, id, _)| *id).collect::<Vec<_>>())),
        unnest(array::<Jsonb, _>(values.iter().map(|(.., value)| *value).collect::<Vec<_>>())),
    ))
    .insert_into(chat_properties::table)
    .into_columns((
        chat_properties::org_id,
        chat_properties::chat_key,
        chat_properties::property_id,
        chat_properties::value,
    ))
    .on_conflict((chat_properties::org_id, chat_properties::chat_key, chat_properties::property_id))
    .do_update()
    .set(chat_properties::value.eq(excluded(chat_properties::value)));
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
    let (chat_keys, ids): (Vec<i64>, Vec<&str>) = values.iter().copied().unzip();
    let removed = diesel::delete(chat_properties::table).filter(key_in(
        (chat_properties::org_id, chat_properties::chat_key, chat_properties::property_id),
        org,
        (array::<BigInt, _>(chat_keys), texts(ids)),
    ));
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
    let upsert = diesel::select((
        org.into_sql::<Uuid>(),
        unnest(array::<BigInt, _>(access.iter().map(|(key, ..)| *key).collect::<Vec<_>>())),
        unnest(texts(access.iter().map(|(_, member, _)| *member).collect::<Vec<_>>())),
        unnest(array::<Bool, _>(access.iter().map(|(.., allowed)| *allowed).collect::<Vec<_>>())),
    ))
    .insert_into(chat_access::table)
    .into_columns((chat_access::org_id, chat_access::chat_key, chat_access::member_key, chat_access::allowed))
    .on_conflict((chat_access::org_id, chat_access::chat_key, chat_access::member_key))
    .do_update()
    .set(chat_access::allowed.eq(excluded(chat_access::allowed)));
    let upsert = FilterDsl::filter(upsert, chat_access::allowed.ne(excluded(chat_access::allowed)));
    let changed: Vec<i64> = upsert.returning(chat_access::chat_key).get_results(connection)?;
    Ok(changed.into_iter().collect())
}
