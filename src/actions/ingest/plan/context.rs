//! What all steps of a plan need: the changes, their time, and the persons that they name.

use std::collections::BTreeSet;

use super::versions::Reported;
use crate::actions::ingest::change::Change;
use crate::actions::ingest::persons::Persons;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::{StoreResult, Transaction};

/// The changes of one transaction.
pub(super) struct Context<'c> {
    pub(super) org: OrgId,
    pub(super) now: Instant,
    /// In the order of arrival.
    pub(super) changes: Vec<(SessionId, &'c Change)>,
    persons: Persons,
}

impl<'c> Context<'c> {
    /// Looks up the persons that the changes name.
    pub(super) fn new(
        tx: &mut Transaction<'_>,
        org: OrgId,
        changes: Vec<(SessionId, &'c Change)>,
    ) -> StoreResult<Self> {
        let mut seen = BTreeSet::new();
        let addresses = changes.iter().flat_map(|(_, change)| addresses(change));
        let addresses: Vec<&ChatAddress> = addresses.filter(|address| seen.insert(*address)).collect();
        let persons = Persons::find_or_link(tx, org, &addresses)?;
        Ok(Self { org, now: Instant::now(), changes, persons })
    }

    /// The address under which an address is stored: the one by which its person is known.
    pub(super) fn canonical<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.persons.of(address)
    }

    /// When the fields of the event at that place of the batch were reported. Later events of a batch have later times.
    pub(super) fn reported(&self, given: Option<Instant>, place: usize) -> Reported {
        let place = i64::try_from(place).unwrap_or_default();
        Reported::new(given, Instant::from_micros(self.now.micros() + place))
    }

    /// When what all sessions share of a chat last changed. An event that changes nothing cannot move it back.
    pub(super) fn updated_at(&self, stored: Instant, given: Option<Instant>, is_changed: bool) -> Instant {
        if is_changed { given.unwrap_or(self.now) } else { given.map_or(stored, |given| stored.max(given)) }
    }
}

/// The chat, contact and members that a change names.
fn addresses(change: &Change) -> impl Iterator<Item = &ChatAddress> {
    let contact = if let Change::Contact { id, .. } = change { Some(id) } else { None };
    let members = if let Change::Chat { change, .. } = change { change.members.as_deref() } else { None };
    let members = members.unwrap_or_default().iter().map(|member| &member.contact);
    let changed = if let Change::Members { changes, .. } = change { changes.as_slice() } else { &[] };
    let changed = changed.iter().map(|change| &change.contact);
    change.chat().into_iter().chain(contact).chain(members).chain(changed)
}
