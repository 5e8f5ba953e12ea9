//! Chats that a key may not share, because it only reported itself that its sessions hold them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::bulk::has_key_of;
use super::connection::{Connection, StoreResult};
use super::org_rows::{org_rows, same_chat};
use super::schema::{chat_addresses, session_chats};
use super::transaction::Transaction;
use switchboard_core::caller::Claimant;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};

/// Who holds a chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holders {
    /// Sessions out of the key's scope do.
    pub is_shared: bool,
    /// Sessions in it do, not only by the key's own reports.
    pub is_proven: bool,
}

impl Holders {
    /// Whether the key may not share what other sessions have of the chat.
    pub const fn is_claimed(self) -> bool {
        self.is_shared && !self.is_proven
    }
}

/// Those of the addresses whose chats sessions out of the key's scope hold, and sessions in it only by its own reports. No
/// statement without a claimant.
pub fn of(
    connection: &mut Connection,
    org: OrgId,
    claimant: Option<&Claimant>,
    addresses: &[&ChatAddress],
) -> StoreResult<BTreeSet<ChatAddress>> {
    let chats = holders(connection, org, claimant, addresses)?.into_iter();
    Ok(chats.filter(|(_, holders)| holders.is_claimed()).map(|(address, _)| address).collect())
}

/// Who holds the chats of these addresses. No statement without a claimant.
pub fn holders(
    connection: &mut Connection,
    org: OrgId,
    claimant: Option<&Claimant>,
    addresses: &[&ChatAddress],
) -> StoreResult<BTreeMap<ChatAddress, Holders>> {
    let mut chats: BTreeMap<ChatAddress, Holders> = BTreeMap::new();
    let Some(Claimant { key, sessions }) = claimant.filter(|_| !addresses.is_empty()) else {
        return Ok(chats);
    };
    let held: Vec<(ChatAddress, SessionId, Option<String>)> = chat_addresses::table
        .inner_join(session_chats::table.on(same_chat!(session_chats, chat_addresses)))
        .filter(has_key_of!(org, chat_addresses, addresses, |address| { address: *address }))
        .select((chat_addresses::address, session_chats::session_id, session_chats::claimed_by))
        .load(connection)?;
    for (address, session, claimed_by) in held {
        let chat = chats.entry(address).or_default();
        let is_own = sessions.contains(&session);
        chat.is_shared |= !is_own;
        chat.is_proven |= is_own && claimed_by.as_deref() != Some(key.as_str());
    }
    Ok(chats)
}

/// Makes the chats of these addresses claims of the key in its sessions.
pub fn claim(tx: &mut Transaction<'_>, claimant: &Claimant, addresses: &[&ChatAddress]) -> StoreResult<()> {
    let org = tx.org();
    let chats: Vec<i64> = chat_addresses::table
        .filter(has_key_of!(org, chat_addresses, addresses, |address| { address: *address }))
        .select(chat_addresses::chat_key)
        .load(&mut **tx)?;
    let held = org_rows!(session_chats, org)
        .filter(session_chats::chat_key.eq_any(chats))
        .filter(session_chats::session_id.eq_any(&*claimant.sessions))
        .filter(session_chats::claimed_by.is_null());
    diesel::update(held).set(session_chats::claimed_by.eq(claimant.key.as_str())).execute(&mut **tx)?;
    Ok(())
}
