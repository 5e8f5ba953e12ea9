//! What all steps of a plan need: the changes, their time, and the persons that they name.

use std::collections::BTreeSet;

use super::versions::Reported;
use crate::actions::ingest::change::Change;
use crate::actions::ingest::persons::Persons;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, DeletedChat};
use crate::store::{StoreResult, Transaction};

/// The changes of one transaction.
pub(super) struct Context<'c> {
    pub(super) org: OrgId,
    pub(super) now: Instant,
    /// In the order of arrival.
    pub(super) changes: Vec<(SessionId, &'c Change)>,
    /// The indexes of their events.
    pub(super) indexes: Vec<usize>,
    persons: Persons,
    /// The phone numbers and LIDs of the sessions whose updates name authors in chats with one person.
    own: BTreeSet<(SessionId, ChatAddress)>,
}

impl<'c> Context<'c> {
    /// Looks up the persons that the changes name.
    ///
    /// Messages that were deleted with their chats are left out.
    pub(super) fn new(tx: &mut Transaction<'_>, org: OrgId, changes: Changes<'c>) -> StoreResult<Self> {
        let mut seen = BTreeSet::new();
        let addresses = changes.iter().flat_map(|(.., change)| addresses(change));
        let addresses: Vec<&ChatAddress> = addresses.filter(|address| seen.insert(*address)).collect();
        let persons = Persons::find_or_link(tx, org, &addresses)?;
        let changes = without_deleted(tx, org, &persons, changes)?;
        let own = own_addresses(tx, org, &changes)?;
        let (indexes, changes) =
            changes.into_iter().map(|(index, session, change)| (index, (session, change))).unzip();
        Ok(Self { org, now: Instant::now(), changes, indexes, persons, own })
    }

    /// The address under which an address is stored: the one by which its person is known.
    pub(super) fn canonical<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.persons.of(address)
    }

    /// Whether it is the session's own address.
    pub(super) fn is_own(&self, session: SessionId, address: &ChatAddress) -> bool {
        self.own.contains(&(session, address.clone()))
    }

    /// When the fields of the event at that place of the batch were reported. Later events of a batch have later times.
    pub(super) fn reported(&self, given: Option<Instant>, place: usize) -> Reported {
        let place = i64::try_from(place).unwrap_or_default();
        Reported::new(given, Instant::from_micros(self.now.micros() + place))
    }

    /// When what all sessions share of a chat last changed. An event that changes nothing cannot move it back.
    pub(super) fn updated_at(&self, stored: Instant, given: Option<Instant>, is_changed: bool) -> Instant {
        // Fields of the same batch may have later times of arrival.
        let newer = |given| stored.max(given);
        if is_changed { given.unwrap_or_else(|| newer(self.now)) } else { given.map_or(stored, newer) }
    }
}

/// Changes of sessions with the indexes of their events.
type Changes<'c> = Vec<(usize, SessionId, &'c Change)>;

fn own_addresses(
    tx: &mut Transaction<'_>,
    org: OrgId,
    changes: &Changes<'_>,
) -> StoreResult<BTreeSet<(SessionId, ChatAddress)>> {
    let named = changes.iter().filter(|(.., change)| {
        matches!(change, Change::Update { message, .. } if message.author.is_some() && message.from_me.is_none())
    });
    let sessions: BTreeSet<SessionId> = named.map(|(_, session, _)| *session).collect();
    if sessions.is_empty() {
        return Ok(BTreeSet::new());
    }
    let own = rows::own_addresses(tx, org, &sessions.into_iter().collect::<Vec<_>>())?;
    let parsed = |(session, address): (SessionId, String)| Some((session, address.parse().ok()?));
    Ok(own.into_iter().filter_map(parsed).collect())
}

/// Leaves out messages that were sent before their chat was deleted.
///
/// A caller deleted it from the session. A chat event ends that.
fn without_deleted<'c>(
    tx: &mut Transaction<'_>,
    org: OrgId,
    persons: &Persons,
    mut changes: Changes<'c>,
) -> StoreResult<Changes<'c>> {
    let chat_of = |session: SessionId, change: &Change| -> Option<DeletedChat> {
        let is_named = matches!(change, Change::Message { .. } | Change::Chat { .. });
        Some((session, persons.of(change.chat().filter(|_| is_named)?).clone()))
    };
    let chats = changes.iter().filter_map(|(_, session, change)| chat_of(*session, change));
    let chats: BTreeSet<DeletedChat> = chats.collect();
    if chats.is_empty() {
        return Ok(changes);
    }
    let mut deleted = rows::deletions(tx, org, &chats.iter().collect::<Vec<_>>())?;
    if deleted.is_empty() {
        return Ok(changes);
    }
    let with_event = changes.iter().filter(|(.., change)| matches!(change, Change::Chat { .. }));
    let back = with_event.filter_map(|(_, session, change)| chat_of(*session, change));
    let back: BTreeSet<DeletedChat> = back.filter(|chat| deleted.remove(chat).is_some()).collect();
    if !back.is_empty() {
        rows::remove_deletions(tx, org, &back.iter().collect::<Vec<_>>())?;
    }
    changes.retain(|(_, session, change)| {
        let Change::Message { message, .. } = change else { return true };
        let deleted_at = chat_of(*session, change).and_then(|chat| deleted.get(&chat));
        deleted_at.is_none_or(|at| message.sent_at >= *at)
    });
    Ok(changes)
}

/// The chat and the persons that a change names.
fn addresses(change: &Change) -> impl Iterator<Item = &ChatAddress> {
    let contact = if let Change::Contact { id, .. } = change { Some(id) } else { None };
    let author = if let Change::Message { author, .. } = change { author.as_ref() } else { None };
    let named = if let Change::Update { message, .. } = change { message.author.as_ref() } else { None };
    let members = if let Change::Chat { change, .. } = change { change.members.as_deref() } else { None };
    let members = members.unwrap_or_default().iter().map(|member| &member.contact);
    let changed = if let Change::Members { changes, .. } = change { changes.as_slice() } else { &[] };
    let changed = changed.iter().map(|change| &change.contact);
    change.chat().into_iter().chain(contact).chain(author).chain(named).chain(members).chain(changed)
}
