//! One person, one chat: LIDs and phone numbers that turn out to be the same person.
//!
//! A LID is one phone number's for ever: WhatsApp gives it once, and chats that became one cannot be parted. A phone
//! number may have had several LIDs. Who sent, received or read a message stays spelled as it was told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::check::{Change, Checked, Tie};
use super::{Refused, SessionScope, counters, in_parts, messages, sessions};
use crate::error::{Error, Kind, Result};
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Merge};
use crate::store::{Connection, LockMode, Store, StoreResult};

/// The LIDs of a batch that are known to be phone numbers.
#[derive(Default)]
pub(super) struct Persons(HashMap<ChatAddress, ChatAddress>);

impl Persons {
    /// The address that what is told of this one is stored under.
    pub(super) fn known_as<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.0.get(address).unwrap_or(address)
    }
}

/// Looks up the LIDs of a batch. Most have none.
pub(super) fn known(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
) -> StoreResult<Persons> {
    let mut lids: BTreeSet<&ChatAddress> = BTreeSet::new();
    for (_, change) in changes {
        lids.extend(change.chat().filter(|chat| chat.kind() == AddressKind::Lid));
        match change {
            Change::Contact { id, .. } if id.kind() == AddressKind::Lid => _ = lids.insert(id),
            Change::Chat { members: Some(members), .. } => {
                let contacts = members.iter().map(|member| &member.contact);
                lids.extend(contacts.filter(|contact| contact.kind() == AddressKind::Lid));
            }
            Change::Contact { .. }
            | Change::Chat { .. }
            | Change::Message { .. }
            | Change::Receipt { .. }
            | Change::Read { .. }
            | Change::Unread { .. }
            | Change::Inbox { .. }
            | Change::Address(_)
            | Change::Status(_) => {}
        }
    }
    if lids.is_empty() {
        return Ok(Persons::default());
    }
    Ok(Persons(rows::phones_of_lids(connection, org, &lids.into_iter().collect::<Vec<_>>())?))
}

/// Ties what a batch tells to be the same person. Answers the events that were refused.
///
/// Done before the rest of the batch, and alone: nobody else may write to a chat that becomes part of another, or make one
/// for a LID whose phone number is being stored. Connectors tell all they know whenever they connect, so what is known
/// already is looked for first, beside everybody else.
pub(super) async fn apply(
    store: &Store,
    reach: &SessionScope,
    events: &Arc<[(usize, Checked)]>,
) -> Result<Refused> {
    let told: BTreeSet<ChatAddress> =
        events.iter().filter_map(|(_, event)| tie_of(event)).map(|tie| tie.lid.clone()).collect();
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let org = reach.org;
    let stored = store
        .read(move |connection| rows::phones_of_lids(connection, org, &told.iter().collect::<Vec<_>>()))
        .await?;
    let news = events.iter().filter_map(|(place, event)| {
        let tie = tie_of(event).filter(|tie| stored.get(&tie.lid) != Some(&tie.phone))?;
        Some((*place, Checked { session: event.session.clone(), change: Change::Address(tie.clone()) }))
    });
    in_parts(store, reach, LockMode::Exclusive, news.collect(), write, None).await
}

fn tie_of(event: &Checked) -> Option<&Tie> {
    if let Change::Address(tie) = &event.change { Some(tie) } else { None }
}

/// One transaction's work. Nobody else writes to the organization.
fn write(
    connection: &mut Connection,
    reach: &SessionScope,
    events: &[(usize, Checked)],
) -> StoreResult<Refused> {
    let (_, mut refused) = sessions::resolve(connection, reach, events)?;
    let strangers: BTreeSet<usize> = refused.iter().map(|(place, _)| *place).collect();
    let told = events.iter().filter(|(place, _)| !strangers.contains(place));
    let ties: Vec<(usize, &Tie)> = told.filter_map(|(place, event)| Some((*place, tie_of(event)?))).collect();
    let lids: BTreeSet<&ChatAddress> = ties.iter().map(|(_, tie)| &tie.lid).collect();
    let mut phones = rows::phones_of_lids(connection, reach.org, &lids.into_iter().collect::<Vec<_>>())?;
    let mut new: Vec<&Tie> = Vec::new();
    for (place, tie) in ties {
        match phones.get(&tie.lid) {
            None => {
                phones.insert(tie.lid.clone(), tie.phone.clone());
                new.push(tie);
            }
            Some(phone) if *phone != tie.phone => refused.push((place, contradiction())),
            Some(_) => {}
        }
    }
    for round in rounds(new) {
        tie(connection, reach.org, &round)?;
    }
    Ok(refused)
}

fn contradiction() -> Error {
    Error::new(Kind::FailedPrecondition, "the LID is another phone number's")
        .with_field("address.lid", "is tied to another phone number already")
}

/// Ties in rounds in which each phone number comes once.
fn rounds(ties: Vec<&Tie>) -> Vec<Vec<&Tie>> {
    let mut rounds: Vec<Vec<&Tie>> = Vec::new();
    let mut seen: BTreeMap<&ChatAddress, usize> = BTreeMap::new();
    for tie in ties {
        let round = seen.entry(&tie.phone).and_modify(|round| *round += 1).or_insert(0);
        if rounds.len() <= *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(tie);
    }
    rounds
}

fn tie(connection: &mut Connection, org: OrgId, ties: &[&Tie]) -> StoreResult<()> {
    let pairs: Vec<(&ChatAddress, &ChatAddress)> = ties.iter().map(|tie| (&tie.lid, &tie.phone)).collect();
    rows::tie(connection, org, &pairs)?;
    let addresses: Vec<&ChatAddress> = pairs.iter().flat_map(|(lid, phone)| [*lid, *phone]).collect();
    let chats = rows::chats_by_address(connection, org, &addresses)?;
    let merges: Vec<Merge> = pairs
        .iter()
        .filter_map(|(lid, phone)| Some(Merge { from: *chats.get(*lid)?, into: *chats.get(*phone)? }))
        .filter(|merge| merge.from != merge.into)
        .collect();
    if merges.is_empty() { Ok(()) } else { merge(connection, org, &merges) }
}

/// Makes one chat of each two.
fn merge(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    let into: BTreeMap<i64, i64> = merges.iter().map(|merge| (merge.from, merge.into)).collect();
    let gone: Vec<i64> = into.keys().copied().collect();
    let kept: Vec<i64> = into.values().copied().collect();
    let both: Vec<i64> = gone.iter().chain(&kept).copied().collect();
    let mut marked = BTreeMap::new();
    for (mut key, unread) in counters::marked_unread(connection, org, &both)? {
        key.chat_key = into.get(&key.chat_key).copied().unwrap_or(key.chat_key);
        marked.entry(key).and_modify(|most: &mut i32| *most = unread.max(*most)).or_insert(unread);
    }
    rows::merge(connection, org, merges)?;
    rows::take_over_commands(connection, org, merges)?;
    messages::fold(connection, org, &into)?;
    rows::remove_chats(connection, org, &gone)?;
    messages::take_receipts(connection, org, &kept)?;
    counters::recount(connection, org, &kept, &marked, Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_comes_once_a_round() {
        let tie = |lid: &str, phone: &str| Tie {
            lid: format!("{lid}@lid").parse().unwrap(),
            phone: format!("{phone}@c.us").parse().unwrap(),
        };
        let ties = [tie("1", "15550101001"), tie("2", "15550101001"), tie("3", "15550101002")];
        let told = rounds(ties.iter().collect());
        assert_eq!(told, [vec![&ties[0], &ties[2]], vec![&ties[1]]]);
    }
}
