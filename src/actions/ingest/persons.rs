//! Persons: the address by which each is known, and its other addresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ids::{AddressKind, ChatAddress, OrgId};
use crate::store::ingest::{self as rows, FieldTimes};
use crate::store::{Connection, StoreResult, Transaction};

/// Whether a person is expected to be known by another address than this one.
///
/// That is no phone number, or one with two spellings.
pub(super) fn may_be_linked(address: &ChatAddress) -> bool {
    address.kind() != AddressKind::Person || address.other_spelling().is_some()
}

/// The addresses by which the persons of a batch are known.
pub(super) struct Persons(HashMap<ChatAddress, ChatAddress>);

impl Persons {
    /// Looks up the persons of these addresses.
    ///
    /// An address without a link is known by itself.
    pub(super) fn find(
        connection: &mut Connection,
        org: OrgId,
        addresses: &[&ChatAddress],
    ) -> StoreResult<Self> {
        let persons: Vec<&ChatAddress> =
            addresses.iter().copied().filter(|address| address.kind() != AddressKind::Group).collect();
        if persons.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        Ok(Self(rows::persons_of(connection, org, &persons)?))
    }

    /// [`Persons::find`] that also links both spellings of mobile numbers.
    ///
    /// The spelling that comes first is the one by which the person is known.
    pub(super) fn find_or_link(
        tx: &mut Transaction<'_>,
        org: OrgId,
        addresses: &[&ChatAddress],
    ) -> StoreResult<Self> {
        let spellings: Vec<ChatAddress> =
            addresses.iter().filter_map(|address| address.other_spelling()).collect();
        let all: Vec<&ChatAddress> = addresses.iter().copied().chain(&spellings).collect();
        let mut persons = Self::find(tx, org, &all)?;
        let mut new = BTreeMap::new();
        for address in addresses {
            let Some(other) = address.other_spelling().filter(|_| !persons.0.contains_key(address)) else {
                continue;
            };
            let person = persons.0.entry(other.clone()).or_insert_with(|| (*address).clone()).clone();
            persons.0.insert((*address).clone(), person.clone());
            new.insert(other, person.clone());
            new.insert((*address).clone(), person);
        }
        if new.is_empty() {
            return Ok(persons);
        }
        // In ascending order: of two transactions that link the same spellings at once, the second waits and inserts nothing.
        rows::add_new_links(tx, org, &new.iter().collect::<Vec<_>>())?;
        persons.0.extend(rows::persons_of(tx, org, &new.keys().collect::<Vec<_>>())?);
        Ok(persons)
    }

    /// The address by which the person with this address is known.
    pub(super) fn of<'a>(&'a self, address: &'a ChatAddress) -> &'a ChatAddress {
        self.0.get(address).unwrap_or(address)
    }

    /// Names the contacts of these times, which may be stored under an earlier address, as they are known now.
    pub(super) fn rename(
        connection: &mut Connection,
        org: OrgId,
        times: &mut [&mut FieldTimes],
    ) -> StoreResult<()> {
        let named = times.iter().flat_map(|times| times.keys());
        let named: BTreeSet<ChatAddress> = named.filter_map(|contact| contact.parse().ok()).collect();
        let persons = Self::find(connection, org, &named.iter().collect::<Vec<_>>())?;
        let persons: HashMap<&str, &str> =
            persons.0.iter().map(|(address, person)| (address.as_str(), person.as_str())).collect();
        for times in times {
            for (contact, at) in std::mem::take(*times) {
                let person =
                    persons.get(contact.as_str()).map_or(contact.clone(), |person| (*person).to_owned());
                let newest = times.entry(person).or_insert(at);
                *newest = at.max(*newest);
            }
        }
        Ok(())
    }

    /// Makes the person known by `from` known by `to`.
    pub(super) fn join(&mut self, from: &ChatAddress, to: &ChatAddress) {
        self.0.values_mut().filter(|person| *person == from).for_each(|person| *person = to.clone());
        self.0.insert(from.clone(), to.clone());
    }
}
