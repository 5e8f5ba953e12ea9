//! The members that may see chats.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use serde_json::Value;

use super::bulk::{has_key_of, insert_rows, replace_columns};
use super::chat_parts::{self, PartChange};
use super::connection::{Connection, StoreResult};
use super::events::EventKind;
use super::org_rows::{org_rows, same_chat};
use super::prepared::prepared;
use super::schema::{chat_access, chat_addresses, chat_merges, chats};
use super::touch::touch_chats;
use super::transaction::Transaction;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId};

/// Deletes the selected rows and records that. Returns the chats.
macro_rules! remove {
    ($tx:expr, $rows:expr) => {{
        let removed: Vec<(i64, String, bool)> = diesel::delete($rows)
            .returning((chat_access::chat_key, chat_access::member_key, chat_access::allowed))
            .get_results(&mut **$tx)?;
        let parts = removed.into_iter().map(|(chat_key, id, allowed)| PartChange {
            chat_key,
            id,
            before: allowed.into(),
            after: Value::Null,
        });
        StoreResult::Ok(chat_parts::record($tx, EventKind::Access, parts))
    }};
}

/// The members from whom these chats are hidden.
pub(super) fn hidden(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &[i64],
) -> StoreResult<Vec<(i64, String)>> {
    Ok(org_rows!(chat_access, org)
        .filter(chat_access::chat_key.eq_any(chat_keys))
        .filter(not(chat_access::allowed))
        .select((chat_access::chat_key, chat_access::member_key))
        .load(connection)?)
}

/// Hides the chats that removed ones are merged into from the members from whom those are hidden: reports of connectors may
/// merge chats, and must not reveal any.
pub(super) fn hide_merged(tx: &mut Transaction<'_>, removed: &[i64]) -> StoreResult<()> {
    let hidden: Vec<(i64, String)> = chat_access::table
        .inner_join(chat_merges::table.on(same_chat!(chat_merges, chat_access)))
        .filter(has_key_of!(tx.org(), chat_access, removed, |key| { chat_key: *key }))
        .filter(not(chat_access::allowed))
        .select((chat_merges::merged_into, chat_access::member_key))
        .load(&mut **tx)?;
    // Several removed chats may be merged into one.
    let hidden: BTreeSet<_> = hidden.into_iter().collect();
    let rows: Vec<_> = hidden.iter().map(|(chat_key, member)| (*chat_key, member.as_str(), false)).collect();
    set(tx, &rows)?;
    Ok(())
}

/// Whether a chat is hidden from a viewer. No statement without both.
pub fn hides(
    connection: &mut Connection,
    org: OrgId,
    address: Option<&ChatAddress>,
    viewer: Option<&str>,
) -> StoreResult<bool> {
    let (Some(address), Some(viewer)) = (address, viewer) else { return Ok(false) };
    let chat = org_rows!(chat_addresses, org, address = address);
    let hidden = chat.filter(not(is_visible!(chat_addresses, org, viewer)));
    Ok(diesel::select(exists(hidden)).get_result(connection)?)
}

/// Those of these addresses whose chat is hidden from a viewer.
pub fn hidden_addresses(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[ChatAddress],
    viewer: &str,
) -> StoreResult<BTreeSet<ChatAddress>> {
    let addresses: Vec<&str> = addresses.iter().map(ChatAddress::as_str).collect();
    let named = org_rows!(chat_addresses, org).filter(chat_addresses::address.eq_any(addresses));
    let hidden = named.filter(not(is_visible!(chat_addresses, org, viewer))).select(chat_addresses::address);
    Ok(hidden.load::<ChatAddress>(connection)?.into_iter().collect())
}

/// Those of the chats with these canonical addresses that are hidden from a viewer.
pub fn hidden_among(
    connection: &mut Connection,
    org: OrgId,
    chat_ids: &BTreeSet<&str>,
    viewer: &str,
) -> StoreResult<BTreeSet<String>> {
    let named =
        org_rows!(chats, org).filter(chats::chat_id.eq_any(chat_ids.iter().copied().collect::<Vec<_>>()));
    let hidden = named.filter(not(is_visible!(chats, org, viewer))).select(chats::chat_id);
    Ok(hidden.load::<String>(connection)?.into_iter().collect())
}

/// Sets the access of members to chats, whose rows are locked. Returns the chats that changed.
pub fn set(tx: &mut Transaction<'_>, access: &[(i64, &str, bool)]) -> StoreResult<BTreeSet<i64>> {
    if access.is_empty() {
        return Ok(BTreeSet::new());
    }
    let org = tx.org();
    let is_set = has_key_of!(org, chat_access, access, |access| { chat_key: access.0, member_key: access.1 });
    let stored: Vec<((i64, String), bool)> = chat_access::table
        .filter(is_set)
        .select(((chat_access::chat_key, chat_access::member_key), chat_access::allowed))
        .load(&mut **tx)?;
    let stored: BTreeMap<_, _> =
        stored.iter().map(|((key, member), is)| ((*key, member.as_str()), *is)).collect();
    let before = |access: &(i64, &str, bool)| stored.get(&(access.0, access.1)).copied();
    let changed: Vec<_> = access.iter().filter(|access| before(access) != Some(access.2)).collect();
    if changed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let upsert = insert_rows!(org, chat_access, changed, |access| {
        chat_key: access.0,
        member_key: access.1,
        allowed: access.2,
    })
    .on_conflict((chat_access::org_id, chat_access::chat_key, chat_access::member_key))
    .do_update()
    .set(replace_columns!(chat_access: allowed));
    prepared(upsert.returning(chat_access::chat_key)).get_results::<i64>(&mut **tx)?;
    let parts = changed.into_iter().map(|access| PartChange {
        chat_key: access.0,
        id: access.1,
        before: before(access).into(),
        after: access.2.into(),
    });
    Ok(chat_parts::record(tx, EventKind::Access, parts))
}

/// Removes the access entries of all other members from these chats. Returns the chats that changed.
pub fn remove_others(
    tx: &mut Transaction<'_>,
    chat_keys: &[i64],
    member_keys: &[&str],
) -> StoreResult<BTreeSet<i64>> {
    let others = org_rows!(chat_access, tx.org())
        .filter(chat_access::chat_key.eq_any(chat_keys))
        .filter(chat_access::member_key.ne_all(member_keys));
    remove!(tx, others)
}

/// Removes the access entries of a member, and touches their chats.
pub(super) fn remove_member(tx: &mut Transaction<'_>, member_key: &str) -> StoreResult<()> {
    let org = tx.org();
    let open = || org_rows!(chat_access, org, member_key = member_key);
    touch_chats!(tx, open().select(chat_access::chat_key))?;
    remove!(tx, open())?;
    Ok(())
}
