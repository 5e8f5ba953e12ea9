//! Plans the members of chats: a list in an event replaces the stored one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::context::Context;
use crate::actions::ingest::change::Member;
use crate::ids::ChatAddress;
use crate::store::ingest::{self as rows};
use crate::store::{StoreResult, Transaction};

/// Replaces the members of these chats, which are locked. Returns the chats whose members changed.
pub(super) fn replace(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    lists: &BTreeMap<i64, &[Member]>,
) -> StoreResult<BTreeSet<i64>> {
    if lists.is_empty() {
        return Ok(BTreeSet::new());
    }
    let stored = rows::members_of(tx, context.org, &lists.keys().copied().collect::<Vec<_>>())?;
    let mut stored: HashMap<(i64, ChatAddress), rows::Member> =
        stored.into_iter().map(|member| ((member.chat_key, member.contact.clone()), member)).collect();
    let mut set = Vec::new();
    for (chat_key, members) in lists {
        for member in distinct(*chat_key, members, context) {
            let before = stored.remove(&(*chat_key, member.contact.clone()));
            if before.as_ref() != Some(&member) {
                set.push((before, member));
            }
        }
    }
    let removed: Vec<rows::Member> = stored.into_values().collect();
    let changed =
        set.iter().map(|(_, member)| member).chain(&removed).map(|member| member.chat_key).collect();
    if !removed.is_empty() {
        rows::remove_members(tx, &removed)?;
    }
    if !set.is_empty() {
        set.sort_by(|(_, one), (_, other)| {
            (&one.contact, one.chat_key).cmp(&(&other.contact, other.chat_key))
        });
        rows::set_members(tx, &set)?;
    }
    Ok(changed)
}

/// Each person once. Of a person listed by LID and by phone number, the rights under the phone number count.
fn distinct(chat_key: i64, members: &[Member], context: &Context<'_>) -> Vec<rows::Member> {
    let mut distinct: BTreeMap<&ChatAddress, rows::Member> = BTreeMap::new();
    for member in members {
        let contact = context.canonical(&member.contact);
        let row = rows::Member {
            chat_key,
            contact: contact.clone(),
            is_admin: member.is_admin,
            is_super_admin: member.is_super_admin,
        };
        if *contact == member.contact {
            distinct.insert(contact, row);
        } else {
            distinct.entry(contact).or_insert(row);
        }
    }
    distinct.into_values().collect()
}
