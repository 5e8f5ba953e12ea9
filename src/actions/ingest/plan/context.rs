//! What all steps of a plan need: the changes, their time, and the linked LIDs.

use std::collections::{BTreeSet, HashMap};

use super::versions::Reported;
use crate::actions::ingest::change::Change;
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest as rows;
use crate::store::{StoreResult, Transaction};

/// The changes of one transaction.
pub(super) struct Context<'c> {
    pub(super) org: OrgId,
    pub(super) now: Instant,
    /// In the order of arrival.
    pub(super) changes: Vec<(SessionId, &'c Change)>,
    /// The phone numbers of the LIDs among the changes.
    phones: HashMap<ChatAddress, ChatAddress>,
}

impl<'c> Context<'c> {
    /// Looks up the LIDs that the changes name.
    pub(super) fn new(
        tx: &mut Transaction<'_>,
        org: OrgId,
        changes: Vec<(SessionId, &'c Change)>,
    ) -> StoreResult<Self> {
        let addresses = changes.iter().flat_map(|(_, change)| addresses(change));
        let lids: BTreeSet<&ChatAddress> =
            addresses.filter(|address| address.kind() == AddressKind::Lid).collect();
        let phones = match lids.is_empty() {
            true => HashMap::new(),
            false => rows::phones_of_lids(tx, org, &lids.into_iter().collect::<Vec<_>>())?,
        };
        Ok(Self { org, now: Instant::now(), changes, phones })
    }

    /// The address under which an address is stored: the phone number of a linked LID.
    pub(super) fn canonical<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.phones.get(address).unwrap_or(address)
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
