//! Who is in a chat: a list that is told replaces the one that is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::Member;
use super::persons::Persons;
use crate::ids::{ChatAddress, OrgId};
use crate::store::ingest::{self as rows};
use crate::store::{Connection, StoreResult};

/// Makes these the members of these chats, whose rows are held. Answers the chats where that changed anything.
pub(super) fn replace(
    connection: &mut Connection,
    org: OrgId,
    lists: &BTreeMap<i64, &[Member]>,
    persons: &Persons,
) -> StoreResult<BTreeSet<i64>> {
    if lists.is_empty() {
        return Ok(BTreeSet::new());
    }
    let stored = rows::members_of(connection, org, &lists.keys().copied().collect::<Vec<_>>())?;
    let mut stored: HashMap<(i64, ChatAddress), rows::Member> =
        stored.into_iter().map(|member| ((member.chat_key, member.contact.clone()), member)).collect();
    let mut added = Vec::new();
    for (chat_key, members) in lists {
        for told in list_of(*chat_key, members, persons) {
            if stored.remove(&(*chat_key, told.contact.clone())).as_ref() != Some(&told) {
                added.push(told);
            }
        }
    }
    let removed: Vec<rows::Member> = stored.into_values().collect();
    let changed = added.iter().chain(&removed).map(|member| member.chat_key).collect();
    if !removed.is_empty() {
        rows::remove_members(connection, org, &removed)?;
    }
    if !added.is_empty() {
        added.sort_by(|one, other| (&one.contact, one.chat_key).cmp(&(&other.contact, other.chat_key)));
        rows::add_members(connection, org, &added)?;
    }
    Ok(changed)
}

/// The list with each person in it once. Who is told of by LID and by phone number is what the latter says.
fn list_of(chat_key: i64, members: &[Member], persons: &Persons) -> Vec<rows::Member> {
    let mut list: BTreeMap<&ChatAddress, rows::Member> = BTreeMap::new();
    for member in members {
        let contact = persons.known_as(&member.contact);
        let told = rows::Member {
            chat_key,
            contact: contact.clone(),
            is_admin: member.is_admin,
            is_super_admin: member.is_super_admin,
        };
        if *contact == member.contact {
            list.insert(contact, told);
        } else {
            list.entry(contact).or_insert(told);
        }
    }
    list.into_values().collect()
}
