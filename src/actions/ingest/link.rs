//! Links LIDs to phone numbers, and merges the chats of the two.
//!
//! A LID belongs to one phone number for ever: WhatsApp assigns it once, and merged chats cannot be separated. A phone
//! number may have had several LIDs. Senders and receivers of messages keep the spelling in which they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Change, Link, SessionEvent};
use super::plan::{apply_pending_receipts, marked_unread, merge_messages, recount, resolve};
use super::scope::SessionScope;
use super::transaction::{Rejections, write_in_parts};
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId};
use crate::store::ingest::{self as rows, Merge};
use crate::store::{Connection, LockMode, Store, StoreResult};

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
    connection: &mut Connection,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<Rejections> {
    let (resolved, mut rejections) = resolve(connection, scope, events)?;
    let links: Vec<(usize, &Link)> = resolved
        .into_iter()
        .filter_map(
            |(index, _, change)| if let Change::Link(link) = change { Some((index, link)) } else { None },
        )
        .collect();
    let lids: BTreeSet<&ChatAddress> = links.iter().map(|(_, link)| &link.lid).collect();
    let mut phones = rows::phones_of_lids(connection, scope.org, &lids.into_iter().collect::<Vec<_>>())?;
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
        write_round(connection, scope.org, &round)?;
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

fn write_round(connection: &mut Connection, org: OrgId, links: &[&Link]) -> StoreResult<()> {
    let pairs: Vec<(&ChatAddress, &ChatAddress)> =
        links.iter().map(|link| (&link.lid, &link.phone)).collect();
    rows::link_lids(connection, org, &pairs)?;
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(lid, phone)| [*lid, *phone]).collect();
    let chats = rows::chats_by_address(connection, org, &addresses)?;
    let merges: Vec<Merge> = pairs
        .iter()
        .filter_map(|(lid, phone)| Some(Merge { from: *chats.get(*lid)?, into: *chats.get(*phone)? }))
        .filter(|merge| merge.from != merge.into)
        .collect();
    if merges.is_empty() { Ok(()) } else { merge_chats(connection, org, &merges) }
}

fn merge_chats(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    let into: BTreeMap<i64, i64> = merges.iter().map(|merge| (merge.from, merge.into)).collect();
    let removed: Vec<i64> = into.keys().copied().collect();
    let kept: Vec<i64> = into.values().copied().collect();
    let both: Vec<i64> = removed.iter().chain(&kept).copied().collect();
    let mut marked = BTreeMap::new();
    for (mut key, unread) in marked_unread(connection, org, &both)? {
        key.chat_key = into.get(&key.chat_key).copied().unwrap_or(key.chat_key);
        marked.entry(key).and_modify(|most: &mut i32| *most = unread.max(*most)).or_insert(unread);
    }
    rows::merge(connection, org, merges)?;
    rows::move_commands(connection, org, merges)?;
    merge_messages(connection, org, &into)?;
    rows::remove_chats(connection, org, &removed)?;
    apply_pending_receipts(connection, org, &kept)?;
    recount(connection, org, &kept, &marked)
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
