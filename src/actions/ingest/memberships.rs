//! Joins the memberships of persons whose addresses are linked.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Changed, Member};
use crate::store::{StoreResult, Transaction};

/// Admin and super admin of a member; `None` of others.
type Rights = Option<(bool, bool)>;

/// What a chat says of a person by one address: when that changed after the list of members was reported, and the rights.
type Entry = (Option<i64>, Rights);

/// Gives the memberships of the first addresses to the second ones, which have contacts. Each address occurs once.
pub(super) fn join(
    tx: &mut Transaction<'_>,
    joined: &BTreeMap<&ChatAddress, &ChatAddress>,
) -> StoreResult<()> {
    let (org, now) = (tx.org(), Instant::now());
    let addresses: Vec<&ChatAddress> = joined.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let stored = rows::memberships_of(tx, org, &addresses)?;
    let keys: BTreeSet<i64> = stored.iter().map(|member| member.chat_key).collect();
    let stored: BTreeMap<(i64, &ChatAddress), &Member> =
        stored.iter().map(|member| ((member.chat_key, &member.contact), member)).collect();
    if stored.is_empty() {
        return Ok(());
    }
    let (mut set, mut removed, mut chats) = (Vec::new(), Vec::new(), Vec::new());
    for before in rows::lock_chats(tx, org, &keys.into_iter().collect::<Vec<_>>())? {
        let (chat_key, mut chat) = (before.chat_key, before.clone());
        let rows_of_others = (set.len(), removed.len());
        for (from, to) in joined {
            let [old, kept] = [*from, *to].map(|address| stored.get(&(chat_key, address)).copied());
            let times = &mut chat.member_times.0;
            let entries = [(from, old), (to, kept)].map(|(address, member)| {
                (times.remove(address.as_str()), member.map(|row| (row.is_admin, row.is_super_admin)))
            });
            let (changed_at, rights) = joined_entry(entries);
            times.extend(changed_at.map(|at| (to.to_string(), at)));
            removed.extend(old.cloned());
            match rights {
                None => removed.extend(kept.cloned()),
                Some((is_admin, is_super_admin)) => {
                    let contact = (*to).clone();
                    let member = Member { chat_key, contact, is_admin, is_super_admin };
                    set.extend((kept != Some(&member)).then(|| (kept.cloned(), member)));
                }
            }
        }
        if (set.len(), removed.len()) != rows_of_others {
            chat.updated_at = now;
        }
        chats.extend(Changed::new(before, chat));
    }
    if !set.is_empty() {
        rows::set_members(tx, &set)?;
    }
    if !removed.is_empty() {
        rows::remove_members(tx, &removed)?;
    }
    if chats.is_empty() { Ok(()) } else { rows::update_chats(tx, &chats) }
}

/// The entry as if the addresses had been linked first: of two changes the later one counts, and of one instant the greater
/// rights; of a person that is listed by both addresses, the rights of either.
fn joined_entry([one, other]: [Entry; 2]) -> Entry {
    match (one, other) {
        ((None, Some(one)), (None, Some(other))) => (None, Some((one.0 || other.0, one.1 || other.1))),
        _ => one.max(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_change_decides_and_lists_are_united() {
        let (member, admin, creator) = (Some((false, false)), Some((true, false)), Some((false, true)));
        for (one, other, expected) in [
            ((None, admin), (None, creator), (None, Some((true, true)))),
            ((None, None), (None, member), (None, member)),
            ((None, admin), (Some(1), None), (Some(1), None)),
            ((Some(2), member), (Some(1), admin), (Some(2), member)),
            ((Some(2), member), (Some(2), admin), (Some(2), admin)),
            ((Some(2), None), (Some(1), admin), (Some(2), None)),
        ] {
            assert_eq!(joined_entry([one, other]), expected);
            assert_eq!(joined_entry([other, one]), expected);
        }
    }
}
