//! Changing many chats at once: all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use super::idempotency::IdempotentWrite;
use super::labels;
use crate::caller::Caller;
use crate::error::{Error, FieldViolation, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::store::lists::SessionScope;
use crate::store::{Connection, Store, StoreResult, chat_bulk, labels as stored_labels, members};
use crate::text_key::text_key;

const MAX_CHATS: usize = 1000;
const MAX_MEMBERS: usize = 1000;
// A gRPC error travels in headers, which clients cap at a few KiB: what a caller sent is not echoed without end.
const MAX_VIOLATIONS: usize = 10;
const MAX_EMAIL_CHARACTERS: usize = 100;

/// Which chats change.
#[derive(Clone, Debug)]
pub struct Chats {
    /// Any addresses of them, in the caller's order; several may lead to one chat.
    pub addresses: Vec<ChatAddress>,
    /// The number that holds them; `None` for any that the caller reaches.
    pub number: Option<PhoneSelector>,
}

/// Whom chats are open to.
#[derive(Clone, Debug)]
pub struct AccessChange {
    /// Email of a member to whether the chats are open to them; `None` is neither.
    pub access: BTreeMap<String, Option<bool>>,
    /// Whether what is said of other members goes.
    pub replace: bool,
}

/// Gives the chats these labels, separated by commas, and no others.
pub async fn update_labels<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    chats: Chats,
    names: String,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let names = labels::parse(&[names])?;
    chats.check()?;
    let caller = caller.clone();
    once.write(store, caller.org, move |connection| {
        let org = caller.org;
        let keys = chats.lock(connection, &caller)?;
        let label_ids = match names.as_slice() {
            [] => Vec::new(),
            names => stored_labels::find_or_create(connection, org, names)?,
        };
        let changed = chat_bulk::replace_labels(connection, org, &keys, &label_ids)?;
        chat_bulk::touch(connection, org, &changed)
    })
    .await
}

/// Says whom the chats are open to.
pub async fn update_access<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    chats: Chats,
    change: AccessChange,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let wanted = Wanted::parse(&change.access)?;
    chats.check()?;
    let caller = caller.clone();
    once.write(store, caller.org, move |connection| {
        let org = caller.org;
        // Members before chats is also the order in which deleting a member locks.
        wanted.hold(connection, &caller)?;
        let keys = chats.lock(connection, &caller)?;
        let changed = chat_bulk::set_access(connection, org, &keys, &wanted.access(), change.replace)?;
        chat_bulk::touch(connection, org, &changed)
    })
    .await
}

impl Chats {
    fn check(&self) -> Result<()> {
        match self.addresses.iter().collect::<BTreeSet<_>>().len() {
            0 => Err(Error::invalid("chat_ids", "must name at least one chat")),
            1..=MAX_CHATS => Ok(()),
            _ => Err(Error::invalid("chat_ids", format_args!("must name at most {MAX_CHATS} chats"))),
        }
    }

    /// Locks all of the chats. One that is missing or out of reach refuses the whole change.
    fn lock(&self, connection: &mut Connection, caller: &Caller) -> StoreResult<BTreeSet<i64>> {
        let reach = SessionScope { phone: self.number.clone(), sessions: caller.sessions.clone() };
        let found = chat_bulk::find(connection, caller.org, &self.addresses, &reach)?;
        let found = found.ok_or_else(|| Error::not_found("number not found"))?;
        let missing = self.addresses.iter().enumerate().filter(|(_, address)| !found.contains_key(*address));
        let missing: Vec<usize> = missing.map(|(index, _)| index).take(MAX_VIOLATIONS).collect();
        if !missing.is_empty() {
            return Err(chats_not_found(&missing).into());
        }
        let keys: BTreeSet<i64> = found.into_values().collect();
        // One may have been deleted since it was found.
        if chat_bulk::lock(connection, caller.org, &keys)? < keys.len() {
            return Err(chats_not_found(&[]).into());
        }
        Ok(keys)
    }
}

/// Names which of the chats, as far as that is known.
fn chats_not_found(indexes: &[usize]) -> Error {
    indexes.iter().fold(Error::not_found("chat not found"), |error, index| {
        error.with_field(format!("chat_ids[{index}]"), "names no chat")
    })
}

/// An access change whose form is right.
struct Wanted {
    /// The key of a member's email, with the email as it was given and whether the chats are open to the member.
    members: BTreeMap<String, (String, bool)>,
}

impl Wanted {
    fn parse(access: &BTreeMap<String, Option<bool>>) -> Result<Self> {
        if access.len() > MAX_MEMBERS {
            return Err(Error::invalid("access", format_args!("must name at most {MAX_MEMBERS} members")));
        }
        let mut members = BTreeMap::new();
        let mut violations = Vec::new();
        for (email, allowed) in access {
            let Some(allowed) = *allowed else {
                violations.push(violation(email, "must be true or false"));
                continue;
            };
            if members.insert(text_key(email), (email.clone(), allowed)).is_some() {
                violations.push(violation(email, "names a member that another key names too"));
            }
        }
        refuse(violations)?;
        Ok(Self { members })
    }

    /// Keeps the members from being deleted. Every one that does not exist is named.
    fn hold(&self, connection: &mut Connection, caller: &Caller) -> StoreResult<()> {
        // PostgreSQL cannot hold NUL, so no member's email has one.
        let keys: Vec<&str> =
            self.members.keys().map(String::as_str).filter(|key| !key.contains('\0')).collect();
        let held = members::lock_existing(connection, caller.org, &keys)?;
        let strangers = self.members.iter().filter(|(key, _)| !held.contains(*key));
        let expected = "must name a member of the organization by email";
        Ok(refuse(strangers.map(|(_, (email, _))| violation(email, expected)).collect())?)
    }

    fn access(&self) -> Vec<(&str, bool)> {
        self.members.iter().map(|(key, (_, allowed))| (key.as_str(), *allowed)).collect()
    }
}

fn violation(email: &str, problem: &str) -> FieldViolation {
    let email: String = email.chars().take(MAX_EMAIL_CHARACTERS).collect();
    FieldViolation::new(format!("access.{email}"), problem)
}

fn refuse(mut violations: Vec<FieldViolation>) -> Result<()> {
    violations.truncate(MAX_VIOLATIONS);
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid_fields(violations)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(said: &[(&str, Option<bool>)]) -> BTreeMap<String, Option<bool>> {
        said.iter().map(|(email, allowed)| ((*email).to_owned(), *allowed)).collect()
    }

    #[test]
    fn access_is_said_once_of_each_member_and_is_yes_or_no() {
        let wanted = Wanted::parse(&access(&[("Agent@Acme.Example", Some(true))])).ok().unwrap();
        assert_eq!(wanted.access(), [("agent@acme.example", true)]);
        for bad in [
            access(&[("agent@acme.example", None)]),
            access(&[("agent@acme.example", Some(true)), ("AGENT@acme.example", Some(true))]),
        ] {
            let error = Wanted::parse(&bad).err().unwrap();
            assert!(error.fields()[0].field.eq_ignore_ascii_case("access.agent@acme.example"), "{error}");
        }
    }

    #[test]
    fn a_change_is_of_one_to_a_thousand_chats() {
        let chats = |count: usize| {
            let address = |number: usize| format!("{number}@c.us").parse().unwrap();
            Chats { addresses: (0..count).map(address).collect(), number: None }
        };
        assert!(chats(1).check().is_ok() && chats(MAX_CHATS).check().is_ok());
        assert!(chats(0).check().is_err() && chats(MAX_CHATS + 1).check().is_err());
    }
}
