//! Links LIDs to phone numbers: one contact, one chat.
//!
//! A LID belongs to one phone number for ever: WhatsApp assigns it once, and merged chats cannot be separated. A phone
//! number may have had several LIDs. Senders and receivers of messages keep the spelling in which they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Change, Link, SessionEvent};
use super::merge::merge_chats;
use super::plan::resolve;
use super::scope::SessionScope;
use super::transaction::{Rejections, write_in_parts};
use crate::error::{Error, Kind, Result};
use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Changed, Contact, Member, Merge, Renamed};
use crate::store::{LockMode, Store, StoreResult, Transaction};

/// Writes the links of a batch.
///
/// They are written before the rest of the batch and under an exclusive lock: no other transaction may write to a chat that is
/// merged, or create one for a LID that is being linked. Connectors send all links whenever they connect, so known ones are
/// filtered out first, without that lock.
pub(super) async fn apply(
    store: &Store,
    scope: &SessionScope,
    events: &Arc<[(usize, SessionEvent)]>,
) -> Result<Rejections> {
    let lids: BTreeSet<ChatAddress> =
        events.iter().filter_map(|(_, event)| link_of(event)).map(|link| link.lid.clone()).collect();
    if lids.is_empty() {
        return Ok(Rejections::new());
    }
    let org = scope.org;
    let stored = store
        .read(move |connection| rows::phones_of_lids(connection, org, &lids.iter().collect::<Vec<_>>()))
        .await?;
    let new = events.iter().filter_map(|(index, event)| {
        let link = link_of(event).filter(|link| stored.get(&link.lid) != Some(&link.phone))?;
        let change = Change::Link(link.clone());
        Some((*index, SessionEvent { session: event.session.clone(), change }))
    });
    write_in_parts(store, scope, LockMode::Exclusive, new.collect(), write, None).await
}

fn link_of(event: &SessionEvent) -> Option<&Link> {
    if let Change::Link(link) = &event.change { Some(link) } else { None }
}

/// Writes the links of one transaction, which holds the exclusive lock.
fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<Rejections> {
    let (resolved, mut rejections) = resolve(tx, scope, events)?;
    let links: Vec<(usize, &Link)> = resolved
        .into_iter()
        .filter_map(
            |(index, _, change)| if let Change::Link(link) = change { Some((index, link)) } else { None },
        )
        .collect();
    let lids: BTreeSet<&ChatAddress> = links.iter().map(|(_, link)| &link.lid).collect();
    let mut phones = rows::phones_of_lids(tx, scope.org, &lids.into_iter().collect::<Vec<_>>())?;
    let mut new: Vec<&Link> = Vec::new();
    for (index, link) in links {
        match phones.get(&link.lid) {
            None => {
                phones.insert(link.lid.clone(), link.phone.clone());
                new.push(link);
            }
            Some(phone) if *phone != link.phone => rejections.push((index, linked_elsewhere())),
            Some(_) => {}
        }
    }
    for round in rounds(new) {
        write_round(tx, &round)?;
    }
    Ok(rejections)
}

fn linked_elsewhere() -> Error {
    Error::new(Kind::FailedPrecondition, "the LID is linked to another phone number")
        .with_field("address.lid", "must not be linked to another phone number")
}

/// Splits links into rounds in which each phone number occurs once.
fn rounds(links: Vec<&Link>) -> Vec<Vec<&Link>> {
    let mut rounds: Vec<Vec<&Link>> = Vec::new();
    let mut next: BTreeMap<&ChatAddress, usize> = BTreeMap::new();
    for link in links {
        let round = next.entry(&link.phone).and_modify(|round| *round += 1).or_insert(0);
        if rounds.len() <= *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(link);
    }
    rounds
}

/// A LID and its phone number.
type Pair<'l> = (&'l ChatAddress, &'l ChatAddress);

fn write_round(tx: &mut Transaction<'_>, links: &[&Link]) -> StoreResult<()> {
    let org = tx.org();
    let pairs: Vec<Pair<'_>> = links.iter().map(|link| (&link.lid, &link.phone)).collect();
    rows::add_links(tx, org, &pairs)?;
    join_contacts(tx, &pairs)?;
    let merges = join_addresses(tx, &pairs)?;
    if merges.is_empty() { Ok(()) } else { merge_chats(tx, &merges) }
}

/// Replaces the contacts of LIDs by those of the phone numbers, also as members of chats.
fn join_contacts(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<()> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(lid, phone)| [*lid, *phone]).collect();
    let stored = rows::lock_contacts(tx, org, &addresses)?;
    let stored: BTreeMap<&ChatAddress, &Contact> =
        stored.iter().map(|contact| (&contact.id, contact)).collect();
    let joined: BTreeMap<&ChatAddress, &ChatAddress> =
        pairs.iter().filter(|(lid, _)| stored.contains_key(lid)).copied().collect();
    if joined.is_empty() {
        return Ok(());
    }
    let phones: BTreeSet<&ChatAddress> = joined.values().copied().collect();
    rows::create_contacts(tx, org, &phones.into_iter().collect::<Vec<_>>())?;
    let mut changed = Vec::new();
    for (lid, phone) in &joined {
        let before =
            stored.get(phone).map_or_else(|| Contact::unknown((*phone).clone()), |one| (*one).clone());
        let mut contact = before.clone();
        take_over(&mut contact, stored[lid]);
        changed.extend(Changed::new(before, contact));
    }
    if !changed.is_empty() {
        rows::update_contacts(tx, &changed)?;
    }
    move_memberships(tx, &joined)?;
    rows::remove_contacts(tx, org, &joined.into_keys().collect::<Vec<_>>())
}

/// Values of the phone number's contact are kept.
fn take_over(contact: &mut Contact, of_lid: &Contact) {
    contact.name = contact.name.take().or_else(|| of_lid.name.clone());
    contact.color = contact.color.take().or_else(|| of_lid.color.clone());
    contact.image = contact.image.take().or_else(|| of_lid.image.clone());
    contact.is_internal |= of_lid.is_internal;
    rows::add_times(&mut contact.field_times.0, of_lid.field_times.0.clone());
}

fn move_memberships(
    tx: &mut Transaction<'_>,
    phones: &BTreeMap<&ChatAddress, &ChatAddress>,
) -> StoreResult<()> {
    let org = tx.org();
    let of_lids = rows::memberships_of(tx, org, &phones.keys().copied().collect::<Vec<_>>())?;
    if of_lids.is_empty() {
        return Ok(());
    }
    let of_phones =
        of_lids.iter().map(|member| Member { contact: phones[&member.contact].clone(), ..member.clone() });
    // A phone number that is a member itself keeps its rights.
    rows::add_missing_members(tx, &of_phones.collect::<Vec<_>>())?;
    rows::remove_members(tx, &of_lids)?;
    rows::touch(tx, &of_lids.iter().map(|member| member.chat_key).collect::<Vec<_>>())
}

/// Makes both addresses resolve to the phone number's chat. Returns the pairs of which each has a chat.
fn join_addresses(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<Vec<Merge>> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(lid, phone)| [*lid, *phone]).collect();
    let chats = rows::chats_by_address(tx, org, &addresses)?;
    let (mut renamed, mut added, mut merges) = (Vec::new(), Vec::new(), Vec::new());
    for (lid, phone) in pairs {
        match (chats.get(*lid).copied(), chats.get(*phone).copied()) {
            // The chat of the LID becomes the phone number's.
            (Some(chat_key), None) => {
                renamed.push(Renamed { chat_key, from: lid, to: phone });
                added.push((*phone, chat_key));
            }
            (None, Some(chat)) => added.push((*lid, chat)),
            (Some(from), Some(into)) if from != into => merges.push(Merge { from, into }),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    if !renamed.is_empty() {
        rows::rename_chats(tx, &renamed, Instant::now())?;
    }
    if !added.is_empty() {
        rows::add_addresses(tx, org, &added)?;
    }
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_number_occurs_once_per_round() {
        let link = |lid: &str, phone: &str| Link {
            lid: format!("{lid}@lid").parse().unwrap(),
            phone: format!("{phone}@c.us").parse().unwrap(),
        };
        let links = [link("1", "15550101001"), link("2", "15550101001"), link("3", "15550101002")];
        assert_eq!(rounds(links.iter().collect()), [vec![&links[0], &links[2]], vec![&links[1]]]);
    }
}
