//! What connectors know of people.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::Change;
use super::event::ContactEvent;
use super::persons::Persons;
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::patch::Patch;
use crate::store::ingest::{self as rows, Contact};
use crate::store::{Connection, StoreResult};

/// Creates the contacts that are needed (those told of, members, and whoever a new chat is with) and writes what is
/// told of them.
pub(super) fn write(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    known_chats: &HashMap<ChatAddress, i64>,
    persons: &Persons,
) -> StoreResult<()> {
    let mut needed: BTreeSet<&ChatAddress> = BTreeSet::new();
    let mut told: BTreeMap<&ChatAddress, Vec<&ContactEvent>> = BTreeMap::new();
    for (_, change) in changes {
        if let Change::Contact { id, event } = change {
            let id = persons.known_as(id);
            needed.insert(id);
            told.entry(id).or_default().push(event);
        }
        if let Change::Chat { members: Some(members), .. } = change {
            needed.extend(members.iter().map(|member| persons.known_as(&member.contact)));
        }
        let new_chat = change.chat().filter(|chat| !known_chats.contains_key(*chat));
        let person = new_chat.filter(|chat| chat.kind() != AddressKind::Group);
        needed.extend(person.map(|chat| persons.known_as(chat)));
    }
    if !needed.is_empty() {
        rows::create_contacts(connection, org, &needed.into_iter().collect::<Vec<_>>())?;
    }
    if told.is_empty() {
        return Ok(());
    }

    let stored = rows::lock_contacts(connection, org, &told.keys().copied().collect::<Vec<_>>())?;
    let changed: Vec<Contact> = stored
        .into_iter()
        .filter_map(|stored| {
            let mut contact = stored.clone();
            told[&stored.id].iter().for_each(|event| see(&mut contact, event));
            (contact != stored).then_some(contact)
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    rows::update_contacts(connection, org, &changed.iter().collect::<Vec<_>>())
}

fn see(contact: &mut Contact, event: &ContactEvent) {
    set(&mut contact.name, &event.name);
    set(&mut contact.color, &event.color);
    set(&mut contact.image, &event.image);
    contact.is_internal = event.is_internal.unwrap_or(contact.is_internal);
}

/// Does to a stored value what an update says.
pub(super) fn set<T: Clone>(stored: &mut Option<T>, patch: &Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *stored = None,
        Patch::Set(value) => *stored = Some(value.clone()),
    }
}
