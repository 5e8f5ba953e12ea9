//! Changes of many chats at once: one statement for each kind of change.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::sql_types::{BigInt, Bool, Uuid};
use diesel::upsert::excluded;

use super::connection::{Connection, StoreResult};
use super::ingest::bulk::{array, texts, unnest};
use super::lists::SessionScope;
use super::org_rows::{org_rows, same_chat};
use super::schema::{chat_access, chat_addresses, chat_labels, chats, session_chats};
use super::sessions;
use super::touch::touch_chats;
use crate::ids::{ChatAddress, LabelId, OrgId};

/// The keys of the chats with these addresses that a session in scope holds; `None` when the selected phone is unknown.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[ChatAddress],
    scope: &SessionScope,
) -> StoreResult<Option<BTreeMap<ChatAddress, i64>>> {
    let sessions = match &scope.phone {
        None => scope.sessions.clone(),
        Some(phone) => {
            let selected = sessions::find_by_phone(connection, org, phone, scope.sessions.as_deref())?;
            if selected.is_empty() {
                return Ok(None);
            }
            Some(selected)
        }
    };
    let found = org_rows!(chat_addresses, org)
        .filter(chat_addresses::address.eq_any(addresses))
        .select((chat_addresses::address, chat_addresses::chat_key))
        .into_boxed::<Pg>();
    let held = session_chats::table.filter(same_chat!(session_chats, chat_addresses));
    let found = match sessions {
        None => found,
        Some(sessions) => {
            found.filter(exists(held.filter(session_chats::session_id.eq_any(sessions.to_vec()))))
        }
    };
    let found: Vec<(ChatAddress, i64)> = found.load(connection)?;
    Ok(Some(found.into_iter().collect()))
}

/// Locks the chats FOR NO KEY UPDATE in the order of their keys. Returns how many exist.
pub fn lock(connection: &mut Connection, org: OrgId, keys: &BTreeSet<i64>) -> StoreResult<usize> {
    let locked: Vec<i64> = org_rows!(chats, org)
        .filter(chats::chat_key.eq_any(to_vec(keys)))
        .order(chats::chat_key)
        .select(chats::chat_key)
        .for_no_key_update()
        .load(connection)?;
    Ok(locked.len())
}

/// Replaces the labels of the chats. Returns the chats that changed.
pub fn replace_labels(
    connection: &mut Connection,
    org: OrgId,
    keys: &BTreeSet<i64>,
    label_ids: &[LabelId],
) -> StoreResult<BTreeSet<i64>> {
    let others = org_rows!(chat_labels, org)
        .filter(chat_labels::chat_key.eq_any(to_vec(keys)))
        .filter(chat_labels::label_id.ne_all(label_ids));
    let removed: Vec<i64> =
        diesel::delete(others).returning(chat_labels::chat_key).get_results(connection)?;
    let pairs = keys.iter().flat_map(|key| label_ids.iter().map(move |id| (*key, id.as_str())));
    let (chat_keys, ids): (Vec<i64>, Vec<&str>) = pairs.unzip();
    let added: Vec<i64> =
        diesel::select((org.into_sql::<Uuid>(), unnest(array::<BigInt, _>(chat_keys)), unnest(texts(ids))))
            .insert_into(chat_labels::table)
            .into_columns((chat_labels::org_id, chat_labels::chat_key, chat_labels::label_id))
            .on_conflict_do_nothing()
            .returning(chat_labels::chat_key)
            .get_results(connection)?;
    Ok(removed.into_iter().chain(added).collect())
}

/// Sets which members may see the chats; with `replace`, entries of other members are deleted. Returns the chats that
/// changed.
pub fn set_access(
    connection: &mut Connection,
    org: OrgId,
    keys: &BTreeSet<i64>,
    access: &[(&str, bool)],
    replace: bool,
) -> StoreResult<BTreeSet<i64>> {
    let mut changed = BTreeSet::new();
    if replace {
        let named: Vec<&str> = access.iter().map(|(member, _)| *member).collect();
        let others = org_rows!(chat_access, org)
            .filter(chat_access::chat_key.eq_any(to_vec(keys)))
            .filter(chat_access::member_key.ne_all(named));
        let removed: Vec<i64> =
            diesel::delete(others).returning(chat_access::chat_key).get_results(connection)?;
        changed.extend(removed);
    }
    let rows = || keys.iter().flat_map(|key| access.iter().map(move |access| (*key, access)));
    let upsert = diesel::select((
        org.into_sql::<Uuid>(),
        unnest(array::<BigInt, _>(rows().map(|(key, _)| key).collect::<Vec<_>>())),
        unnest(texts(rows().map(|(_, (member, _))| *member).collect::<Vec<_>>())),
        unnest(array::<Bool, _>(rows().map(|(_, (_, allowed))| *allowed).collect::<Vec<_>>())),
    ))
    .insert_into(chat_access::table)
    .into_columns((chat_access::org_id, chat_access::chat_key, chat_access::member_key, chat_access::allowed))
    .on_conflict((chat_access::org_id, chat_access::chat_key, chat_access::member_key))
    .do_update()
    .set(chat_access::allowed.eq(excluded(chat_access::allowed)));
    // The prelude's `filter` does not take an upsert.
    let differs = chat_access::allowed.ne(excluded(chat_access::allowed));
    let upsert = methods::FilterDsl::filter(upsert, differs);
    let written: Vec<i64> = upsert.returning(chat_access::chat_key).get_results(connection)?;
    changed.extend(written);
    Ok(changed)
}

/// Sets `updated_at` of the chats.
pub fn touch(connection: &mut Connection, org: OrgId, keys: &BTreeSet<i64>) -> StoreResult<()> {
    touch_chats!(connection, org, to_vec(keys))?;
    Ok(())
}

fn to_vec(keys: &BTreeSet<i64>) -> Vec<i64> {
    keys.iter().copied().collect()
}
