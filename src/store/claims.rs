//! Chats that a key may not share, because it only reported itself that its sessions hold them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::bulk::has_key_of;
use super::connection::{Connection, StoreResult};
use super::org_rows::same_chat;
use super::schema::{chat_addresses, session_chats};
use crate::caller::Claimant;
use crate::ids::{ChatAddress, OrgId, SessionId};

/// Those of the addresses whose chats sessions out of the key's scope hold, and sessions in it only by its own reports. No
/// statement without a claimant.
pub fn of(
    connection: &mut Connection,
    org: OrgId,
    claimant: Option<&Claimant>,
    addresses: &[&ChatAddress],
) -> StoreResult<BTreeSet<ChatAddress>> {
    let Some(Claimant { key, sessions }) = claimant else { return Ok(BTreeSet::new()) };
    let held: Vec<(ChatAddress, SessionId, Option<String>)> = chat_addresses::table
        .inner_join(session_chats::table.on(same_chat!(session_chats, chat_addresses)))
        .filter(has_key_of!(org, chat_addresses, addresses, |address| { address: *address }))
        .select((chat_addresses::address, session_chats::session_id, session_chats::claimed_by))
        .load(connection)?;
    let mut chats: BTreeMap<ChatAddress, (bool, bool)> = BTreeMap::new();
    for (address, session, claimed_by) in held {
        let (is_shared, is_proven) = chats.entry(address).or_default();
        let is_own = sessions.contains(&session);
        *is_shared |= !is_own;
        *is_proven |= is_own && claimed_by.as_deref() != Some(key.as_str());
    }
    let claimed = chats.into_iter().filter(|(_, (is_shared, is_proven))| *is_shared && !is_proven);
    Ok(claimed.map(|(address, _)| address).collect())
}
