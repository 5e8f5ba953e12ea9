//! Changes of many chats at once: one statement for each kind of change.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::lists::SessionScope;
use super::org_rows::{org_rows, same_chat};
use super::schema::{chat_addresses, chats, session_chats};
use super::touch::touch_chats;
use super::transaction::Transaction;
use super::visibility::is_visible;
use super::{chat_access, chat_labels, sessions};
use switchboard_core::ids::{ChatAddress, LabelId, OrgId};

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
        .filter(is_visible!(chat_addresses, org, scope.viewer.as_deref().unwrap_or_default()))
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
    tx: &mut Transaction<'_>,
    keys: &BTreeSet<i64>,
    label_ids: &[LabelId],
) -> StoreResult<BTreeSet<i64>> {
    let chosen: Vec<_> = keys.iter().flat_map(|key| label_ids.iter().map(move |id| (*key, id))).collect();
    chat_labels::replace(tx, &to_vec(keys), &chosen)
}

/// Sets which members may see the chats; with `replace`, entries of other members are deleted. Returns the chats that
/// changed.
pub fn set_access(
    tx: &mut Transaction<'_>,
    keys: &BTreeSet<i64>,
    access: &[(&str, bool)],
    replace: bool,
) -> StoreResult<BTreeSet<i64>> {
    let mut changed = BTreeSet::new();
    if replace {
        let named: Vec<&str> = access.iter().map(|(member, _)| *member).collect();
        changed.extend(chat_access::remove_others(tx, &to_vec(keys), &named)?);
    }
    let rows: Vec<_> = keys
        .iter()
        .flat_map(|key| access.iter().map(move |(member, allowed)| (*key, *member, *allowed)))
        .collect();
    changed.extend(chat_access::set(tx, &rows)?);
    Ok(changed)
}

/// Sets `updated_at` of the chats.
pub fn touch(tx: &mut Transaction<'_>, keys: &BTreeSet<i64>) -> StoreResult<()> {
    touch_chats!(tx, to_vec(keys))?;
    Ok(())
}

fn to_vec(keys: &BTreeSet<i64>) -> Vec<i64> {
    keys.iter().copied().collect()
}
