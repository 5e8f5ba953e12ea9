//! Plans contacts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::context::Context;
use super::versions::Reported;
use crate::actions::ingest::change::{Change, ContactChange};
use crate::ids::{AddressKind, ChatAddress};
use crate::store::ingest::{self as rows, Changed, Contact};
use crate::store::{StoreResult, Transaction};

/// Creates the contacts that are named, are members or have a new chat, and writes the changes of contacts.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    known_chats: &HashMap<ChatAddress, i64>,
) -> StoreResult<()> {
    let mut needed: BTreeSet<&ChatAddress> = BTreeSet::new();
    let mut changes: BTreeMap<&ChatAddress, Vec<(Reported, &ContactChange)>> = BTreeMap::new();
    for (place, (_, change)) in context.changes.iter().enumerate() {
        if let Change::Contact { id, contact } = change {
            let id = context.canonical(id);
            needed.insert(id);
            changes.entry(id).or_default().push((context.reported(contact.updated_at, place), contact));
        }
        if let Change::Chat { change, .. } = change {
            let members = change.members.iter().flatten();
            needed.extend(members.map(|member| context.canonical(&member.contact)));
        }
        if let Change::Members { changes, .. } = change {
            needed.extend(changes.iter().map(|change| context.canonical(&change.contact)));
        }
        let new_chat = change.created_chat().filter(|chat| !known_chats.contains_key(*chat));
        let person = new_chat.filter(|chat| chat.kind() != AddressKind::Group);
        needed.extend(person.map(|chat| context.canonical(chat)));
    }
    if !needed.is_empty() {
        rows::create_contacts(tx, context.org, &needed.into_iter().collect::<Vec<_>>())?;
    }
    if changes.is_empty() {
        return Ok(());
    }

    let ids: Vec<&ChatAddress> = changes.keys().copied().collect();
    let stored = rows::lock_contacts(tx, context.org, &ids)?;
    let changed = stored.into_iter().filter_map(|before| {
        let mut after = before.clone();
        changes[&before.id].iter().for_each(|(reported, change)| apply(&mut after, *reported, change));
        Changed::new(before, after)
    });
    let changed: Vec<Changed<Contact>> = changed.collect();
    if changed.is_empty() { Ok(()) } else { rows::update_contacts(tx, &changed) }
}

fn apply(contact: &mut Contact, reported: Reported, change: &ContactChange) {
    let times = &mut contact.field_times.0;
    reported.merge(times, "name", &mut contact.name, &change.name);
    reported.merge(times, "color", &mut contact.color, &change.color);
    reported.merge(times, "image", &mut contact.image, &change.image);
    reported.merge_value(times, "is_internal", &mut contact.is_internal, change.is_internal);
}
