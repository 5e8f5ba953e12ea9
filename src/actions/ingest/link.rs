//! Links addresses of one person: one contact, one chat.
//!
//! A person is known by a phone number as soon as there is one, otherwise by a LID, otherwise by a user id. A LID and a user
//! id belong to one phone number for ever: WhatsApp assigns them once, and merged chats cannot be separated. A phone number
//! may have had several of them. Messages keep the addresses with which they arrived.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Change, Link, SessionEvent};
use super::link_claims::{self, LinkClaims};
use super::memberships;
use super::merge::merge_chats;
use super::persons::{Persons, may_be_linked};
use super::plan::{move_waiting, rename_authors, resolve};
use super::scope::SessionScope;
use super::transaction::{Rejections, write_in_parts};
use crate::error::{Error, Kind, Result};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Changed, Contact, Merge, Renamed};
use crate::store::{LockMode, Store, StoreResult, Transaction};

/// The person known by `from` becomes known by `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Join {
    from: ChatAddress,
    to: ChatAddress,
}

/// Writes the links of a batch.
///
/// They are written before the rest of the batch and under an exclusive lock: no other transaction may write to a chat that is
/// merged, or create one for an address that is being linked. Connectors send all links whenever they connect, so known ones
/// are filtered out first, without that lock.
pub(super) async fn apply(
    store: &Store,
    scope: &SessionScope,
    events: &Arc<[(usize, SessionEvent)]>,
) -> Result<Rejections> {
    let links = events.iter().filter_map(|(_, event)| link_of(&event.change));
    let named: BTreeSet<ChatAddress> = links.flat_map(|link| &link.addresses).cloned().collect();
    if named.is_empty() {
        return Ok(Rejections::new());
    }
    let org = scope.org;
    let persons = store
        .read(move |connection| Persons::find(connection, org, &named.iter().collect::<Vec<_>>()))
        .await?;
    let new = events.iter().filter_map(|(index, event)| {
        let link = link_of(&event.change)?;
        joins(link, &persons).map_or(true, |joins| !joins.is_empty()).then(|| {
            let change = Change::Link(link.clone());
            (*index, SessionEvent { session: event.session.clone(), change })
        })
    });
    write_in_parts(store, scope, LockMode::Exclusive, new.collect(), write, None).await
}

fn link_of(change: &Change) -> Option<&Link> {
    if let Change::Link(link) = change { Some(link) } else { None }
}

/// Writes the links of one transaction, which holds the exclusive lock.
fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<Rejections> {
    let (resolved, mut rejections) = resolve(tx, scope, events)?;
    let links: Vec<(usize, &Link)> =
        resolved.into_iter().filter_map(|(index, _, change)| Some((index, link_of(change)?))).collect();
    let named: Vec<&ChatAddress> = links.iter().flat_map(|(_, link)| &link.addresses).collect();
    let mut persons = Persons::find_or_link(tx, scope.org, &named)?;
    let known: Vec<&ChatAddress> = named.iter().map(|address| persons.of(address)).collect();
    let claims = LinkClaims::find(tx, scope, &known)?;
    let mut new = Vec::new();
    for (index, link) in links {
        let field = if link.is_alias { "alias" } else { "address" };
        let allowed = joins(link, &persons).and_then(|joins| {
            joins.iter().try_for_each(|join| claims.check(field, &join.from, &join.to))?;
            Ok(joins)
        });
        match allowed {
            Ok(joins) => {
                joins.iter().for_each(|join| persons.join(&join.from, &join.to));
                new.extend(joins);
            }
            Err(error) => rejections.push((index, error)),
        }
    }
    for round in rounds(&new) {
        let ends: Vec<&ChatAddress> = round.iter().flat_map(|join| [&join.from, &join.to]).collect();
        let claims = LinkClaims::find(tx, scope, &ends)?;
        write_round(tx, &round)?;
        let is_claimed = |join: &&&Join| claims.is_claimed(&join.from) || claims.is_claimed(&join.to);
        let joined: Vec<&ChatAddress> = round.iter().filter(is_claimed).map(|join| &join.to).collect();
        link_claims::claim(tx, scope, &joined)?;
    }
    Ok(rejections)
}

/// What a link changes: nothing when its addresses are known to be one person's.
fn joins(link: &Link, persons: &Persons) -> Result<Vec<Join>> {
    let [main, others @ ..] = link.addresses.as_slice() else { return Ok(Vec::new()) };
    let mut known_by = persons.of(main);
    let mut joins = Vec::new();
    for address in others {
        let other = persons.of(address);
        let (from, to) = match other.kind().cmp(&known_by.kind()) {
            // The other spelling was known first.
            _ if other == known_by && link.is_alias && other == address && other != main => (other, main),
            _ if other == known_by => continue,
            Ordering::Less => (known_by, other),
            Ordering::Greater => (other, known_by),
            Ordering::Equal if link.is_alias => (other, known_by),
            Ordering::Equal if other.kind() == AddressKind::Person => {
                return Err(linked_elsewhere(address.kind()));
            }
            Ordering::Equal if other < known_by => (known_by, other),
            Ordering::Equal => (other, known_by),
        };
        joins.push(Join { from: from.clone(), to: to.clone() });
        known_by = to;
    }
    Ok(joins)
}

fn linked_elsewhere(kind: AddressKind) -> Error {
    let field = match kind {
        AddressKind::UserId => "address.userId",
        AddressKind::Lid | AddressKind::Person | AddressKind::Group => "address.lid",
    };
    let problem = "must not be linked to another phone number";
    Error::new(Kind::FailedPrecondition, format!("{field} {problem}")).with_field(field, problem)
}

/// Splits joins into rounds in which each address occurs once.
fn rounds(joins: &[Join]) -> Vec<Vec<&Join>> {
    let mut rounds: Vec<Vec<&Join>> = Vec::new();
    let mut next: BTreeMap<&ChatAddress, usize> = BTreeMap::new();
    for join in joins {
        let ends = [&join.from, &join.to];
        let round = ends.iter().filter_map(|end| next.get(end)).max().copied().unwrap_or_default();
        next.extend(ends.map(|end| (end, round + 1)));
        if rounds.len() <= round {
            rounds.push(Vec::new());
        }
        rounds[round].push(join);
    }
    rounds
}

fn write_round(tx: &mut Transaction<'_>, joins: &[&Join]) -> StoreResult<()> {
    let org = tx.org();
    let pairs: Vec<Pair<'_>> = joins.iter().map(|join| (&join.from, &join.to)).collect();
    rows::join_links(tx, org, &pairs)?;
    join_contacts(tx, &pairs)?;
    let merges = join_chats(tx, &pairs)?;
    if !merges.is_empty() {
        merge_chats(tx, &merges)?;
    }
    mark_messages(tx, &pairs)?;
    rename_authors(tx, &pairs)?;
    move_deletions(tx, &pairs)?;
    move_waiting(tx, &pairs)
}

/// Messages that name only phone numbers with one spelling are not looked up, so those that name a joined one are marked: in
/// the chats and the groups of the person. Those of a group that the person has left are marked if the person wrote them.
fn mark_messages(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<()> {
    let org = tx.org();
    let unmarked = pairs.iter().filter(|(from, _)| !may_be_linked(from)).copied();
    let (named, persons): (Vec<&ChatAddress>, Vec<&ChatAddress>) = unmarked.unzip();
    if named.is_empty() {
        return Ok(());
    }
    let own = rows::chats_by_address(tx, org, &persons)?.into_values();
    let groups = rows::memberships_of(tx, org, &persons)?.into_iter().map(|member| member.chat_key);
    let chats = rows::session_chat_keys(tx, org, &own.chain(groups).collect::<Vec<_>>())?;
    if chats.is_empty() { Ok(()) } else { rows::mark_linked(tx, org, &chats, &named) }
}

/// Of a chat that was deleted under both addresses, the later deletion counts.
fn move_deletions(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<()> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let persons: BTreeMap<&ChatAddress, &ChatAddress> = pairs.iter().copied().collect();
    let mut deletions = BTreeMap::new();
    for ((session, address), at) in rows::take_deletions_at(tx, org, &addresses)? {
        let address = persons.get(&address).map_or(&address, |person| *person).clone();
        let latest = deletions.entry((session, address)).or_insert(at);
        *latest = at.max(*latest);
    }
    if deletions.is_empty() {
        Ok(())
    } else {
        rows::add_deletions(tx, org, &deletions.into_iter().collect::<Vec<_>>())
    }
}

/// The address by which a person was known, and the new one.
type Pair<'j> = (&'j ChatAddress, &'j ChatAddress);

/// Replaces the contacts of the previous addresses by those of the new ones, also as members of chats.
fn join_contacts(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<()> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let stored = rows::lock_contacts(tx, org, &addresses)?;
    let stored: BTreeMap<&ChatAddress, &Contact> =
        stored.iter().map(|contact| (&contact.id, contact)).collect();
    let joined: BTreeMap<&ChatAddress, &ChatAddress> =
        pairs.iter().filter(|(from, _)| stored.contains_key(from)).copied().collect();
    if joined.is_empty() {
        return Ok(());
    }
    let kept: BTreeSet<&ChatAddress> = joined.values().copied().collect();
    rows::create_contacts(tx, org, &kept.into_iter().collect::<Vec<_>>())?;
    let mut changed = Vec::new();
    for (from, to) in &joined {
        let before = stored.get(to).map_or_else(|| Contact::unknown((*to).clone()), |one| (*one).clone());
        let mut contact = before.clone();
        take_over(&mut contact, stored[from]);
        changed.extend(Changed::new(before, contact));
    }
    if !changed.is_empty() {
        rows::update_contacts(tx, &changed)?;
    }
    memberships::join(tx, &joined)?;
    rows::remove_contacts(tx, org, &joined.into_keys().collect::<Vec<_>>())
}

/// Values of the kept contact stay.
fn take_over(contact: &mut Contact, removed: &Contact) {
    contact.name = contact.name.take().or_else(|| removed.name.clone());
    contact.color = contact.color.take().or_else(|| removed.color.clone());
    contact.image = contact.image.take().or_else(|| removed.image.clone());
    // One that was not reported is the default.
    if !contact.field_times.0.contains_key("is_internal") {
        contact.is_internal |= removed.is_internal;
    }
    rows::add_times(&mut contact.field_times.0, removed.field_times.0.clone());
}

/// Makes both addresses resolve to one chat. Returns the pairs of which each has a chat.
fn join_chats(tx: &mut Transaction<'_>, pairs: &[Pair<'_>]) -> StoreResult<Vec<Merge>> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let chats = rows::chats_by_address(tx, org, &addresses)?;
    let (mut renamed, mut added, mut merges) = (Vec::new(), Vec::new(), Vec::new());
    for (from, to) in pairs {
        match (chats.get(*from).copied(), chats.get(*to).copied()) {
            (Some(from), Some(into)) if from != into => merges.push(Merge { from, into }),
            (Some(chat_key), known) => {
                renamed.push(Renamed { chat_key, from, to });
                added.extend(known.is_none().then_some((*to, chat_key)));
            }
            (None, _) => {}
        }
    }
    if !renamed.is_empty() {
        rows::rename_chats(tx, &renamed, Instant::now())?;
    }
    if !added.is_empty() {
        rows::add_addresses(tx, org, &added)?;
    }
    rows::add_linked_addresses(tx, org, &pairs.iter().map(|(_, to)| *to).collect::<Vec<_>>())?;
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_occurs_once_per_round() {
        let join = |from: &str, to: &str| Join { from: from.parse().unwrap(), to: to.parse().unwrap() };
        let joins = [
            join("1@lid", "15550101001@c.us"),
            join("2@lid", "15550101001@c.us"),
            join("3@lid", "15550101002@c.us"),
            join("15550101001@c.us", "15550101002@c.us"),
        ];
        assert_eq!(rounds(&joins), [vec![&joins[0], &joins[2]], vec![&joins[1]], vec![&joins[3]]]);
    }
}
