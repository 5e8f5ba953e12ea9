//! Bulk changes of chats, which change all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use super::idempotency::IdempotentWrite;
use super::labels;
use super::violations::{MAX_VIOLATIONS, reject, violation};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::store::lists::SessionScope;
use crate::store::{Connection, Store, StoreResult, Transaction, chat_access, chat_bulk, claims, members};
use crate::text_key::text_key;

const MAX_CHATS: usize = 1000;
const MAX_MEMBERS: usize = 1000;
const ACCESS: &str = "access";

/// The chats to change.
#[derive(Clone, Debug)]
pub struct Chats {
    /// Addresses in the client's order. Several may refer to the same chat.
    pub addresses: Vec<ChatAddress>,
    /// The phone number that holds the chats; `None` for any.
    pub number: Option<PhoneSelector>,
}

/// A change of the members that may see chats.
#[derive(Clone, Debug)]
pub struct AccessChange {
    /// By email of the member, whether access is granted; `None` is invalid.
    pub access: BTreeMap<String, Option<bool>>,
    /// Whether the access of all other members is removed.
    pub replace: bool,
}

/// Replaces the labels of the chats with these names, separated by commas.
pub async fn update_labels<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    chats: Chats,
    names: String,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let names = labels::parse(&[names])?;
    chats.check()?;
    let idempotent = chats.rechecking(idempotent, caller);
    let (caller, org) = (caller.clone(), caller.org);
    let write = move |tx: &mut Transaction<'_>| {
        let keys = chats.lock(tx, &caller)?;
        let label_ids = labels::find_or_create(tx, org, &names)?;
        let changed = chat_bulk::replace_labels(tx, &keys, &label_ids)?;
        chat_bulk::touch(tx, &changed)
    };
    idempotent.write(store, org, write).await
}

/// Changes which members may see the chats.
pub async fn update_access<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    chats: Chats,
    change: AccessChange,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let access = CheckedAccess::parse(&change.access)?;
    chats.check()?;
    let idempotent = chats.rechecking(idempotent, caller);
    let (caller, org) = (caller.clone(), caller.org);
    let write = move |tx: &mut Transaction<'_>| {
        // Members are locked before chats, as when a member is deleted.
        access.lock_members(tx, &caller)?;
        let keys = chats.lock(tx, &caller)?;
        let changed = chat_bulk::set_access(tx, &keys, &access.by_key(), change.replace)?;
        chat_bulk::touch(tx, &changed)
    };
    idempotent.write(store, org, write).await
}

impl Chats {
    fn check(&self) -> Result<()> {
        match self.addresses.iter().collect::<BTreeSet<_>>().len() {
            1..=MAX_CHATS => Ok(()),
            _ => Err(Error::invalid("chat_ids", format_args!("must be 1 to {MAX_CHATS} chats"))),
        }
    }

    /// A stored response is not returned once one of the chats is hidden from the caller.
    fn rechecking<V, R>(&self, write: IdempotentWrite<V, R>, caller: &Caller) -> IdempotentWrite<V, R> {
        let (org, viewer, addresses) = (caller.org, caller.viewer(), self.addresses.clone());
        write.rechecked(move |tx, _| {
            let Some(viewer) = viewer.as_deref() else { return Ok(()) };
            let hidden = chat_access::hidden_addresses(tx, org, &addresses, viewer)?;
            let hidden_places = addresses.iter().enumerate().filter(|(_, address)| hidden.contains(*address));
            let places: Vec<usize> = hidden_places.map(|(index, _)| index).take(MAX_VIOLATIONS).collect();
            if places.is_empty() { Ok(()) } else { Err(chats_not_found(&places).into()) }
        })
    }

    /// Locks all of the chats. Fails when one is not in the caller's session scope.
    fn lock(&self, connection: &mut Connection, caller: &Caller) -> StoreResult<BTreeSet<i64>> {
        let scope = SessionScope::of(caller, self.number.clone());
        let found = chat_bulk::find(connection, caller.org, &self.addresses, &scope)?;
        let found = found.ok_or_else(|| Error::not_found("phone not found"))?;
        let addresses: Vec<&ChatAddress> = self.addresses.iter().collect();
        let claimed = claims::of(connection, caller.org, scope.claimant.as_ref(), &addresses)?;
        let is_missing = |address: &ChatAddress| !found.contains_key(address) || claimed.contains(address);
        let missing = self.addresses.iter().enumerate().filter(|(_, address)| is_missing(address));
        let missing: Vec<usize> = missing.map(|(index, _)| index).take(MAX_VIOLATIONS).collect();
        if !missing.is_empty() {
            return Err(chats_not_found(&missing).into());
        }
        let keys: BTreeSet<i64> = found.into_values().collect();
        // A chat may have been deleted since it was found.
        if chat_bulk::lock(connection, caller.org, &keys)? < keys.len() {
            return Err(chats_not_found(&[]).into());
        }
        Ok(keys)
    }
}

/// A "not found" error with the indexes of the missing chats.
fn chats_not_found(indexes: &[usize]) -> Error {
    indexes.iter().fold(Error::not_found("chat not found"), |error, index| {
        error.with_field(format!("chat_ids[{index}]"), "is not the id of a chat")
    })
}

/// A syntactically valid access change.
struct CheckedAccess {
    /// By email key: the email as the client sent it, and whether access is granted.
    members: BTreeMap<String, (String, bool)>,
}

impl CheckedAccess {
    fn parse(access: &BTreeMap<String, Option<bool>>) -> Result<Self> {
        if access.len() > MAX_MEMBERS {
            return Err(Error::invalid(ACCESS, format_args!("must be at most {MAX_MEMBERS} members")));
        }
        let mut members = BTreeMap::new();
        let mut violations = Vec::new();
        for (email, allowed) in access {
            let Some(allowed) = *allowed else {
                violations.push(violation(ACCESS, email, "must be true or false"));
                continue;
            };
            if members.insert(text_key(email), (email.clone(), allowed)).is_some() {
                violations.push(violation(ACCESS, email, "must not repeat a member"));
            }
        }
        reject(violations)?;
        Ok(Self { members })
    }

    /// Locks the members against deletion. The error lists all unknown ones.
    fn lock_members(&self, connection: &mut Connection, caller: &Caller) -> StoreResult<()> {
        // PostgreSQL cannot store NUL.
        let keys: Vec<&str> =
            self.members.keys().map(String::as_str).filter(|key| !key.contains('\0')).collect();
        let locked = members::lock_existing(connection, caller.org, &keys)?;
        let unknown = self.members.iter().filter(|(key, _)| !locked.contains(*key));
        let expected = "must be the email of a member of the organization";
        Ok(reject(unknown.map(|(_, (email, _))| violation(ACCESS, email, expected)).collect())?)
    }

    fn by_key(&self) -> Vec<(&str, bool)> {
        self.members.iter().map(|(key, (_, allowed))| (key.as_str(), *allowed)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(access: &[(&str, Option<bool>)]) -> Result<CheckedAccess> {
        let access = access.iter().map(|(email, allowed)| ((*email).to_owned(), *allowed));
        CheckedAccess::parse(&access.collect())
    }

    #[test]
    fn access_must_be_boolean_and_given_once_per_member() {
        let access = parse(&[("Agent@Acme.Example", Some(true))]).ok().unwrap();
        assert_eq!(access.by_key(), [("agent@acme.example", true)]);
        for bad in [
            &[("agent@acme.example", None)][..],
            &[("agent@acme.example", Some(true)), ("AGENT@acme.example", Some(true))],
        ] {
            let error = parse(bad).err().unwrap();
            assert!(error.fields()[0].field.eq_ignore_ascii_case("access.agent@acme.example"), "{error}");
        }
    }

    #[test]
    fn bulk_change_must_select_1_to_1000_chats() {
        let chats = |count: usize| {
            let address = |number: usize| format!("{number}@c.us").parse().unwrap();
            Chats { addresses: (0..count).map(address).collect(), number: None }
        };
        assert!(chats(1).check().is_ok() && chats(MAX_CHATS).check().is_ok());
        assert!(chats(0).check().is_err() && chats(MAX_CHATS + 1).check().is_err());
    }
}
