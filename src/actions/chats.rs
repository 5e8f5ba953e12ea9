//! Reading a chat in the chat API, and changing the organization's data about it.

use std::collections::BTreeMap;

use super::chat_lists;
use super::chat_properties::{self, PropertyInput};
use super::idempotency::IdempotentWrite;
use super::read_state::{self, ReadState};
use super::sessions::{chat_not_found, missing_chat};
use super::{Precondition, labels};
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId, PhoneSelector};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::chat_selector::ChatSelector;
use crate::store::chats::{ChatView, LockedChat};
use crate::store::labels::LabelName;
use crate::store::{
    self, Connection, Store, StoreResult, Transaction, chat_find, chat_labels, chats, claims, members,
    session_chats,
};
use crate::text_key::text_key;

const ONLY_CLAIMED: &str = "sessions out of the key's scope share this chat, and only the key itself reported that its sessions hold it";

/// A change of a chat.
#[derive(Clone, Debug, Default)]
pub struct ChatChange {
    /// Email of the member the chat is assigned to; empty unassigns.
    pub assigned_to: Patch<String>,
    /// All label names; an element may contain several, separated by commas.
    pub labels: Patch<Vec<String>>,
    /// Values by property id or name. Other values stay.
    pub custom_properties: Patch<BTreeMap<String, PropertyInput>>,
}

/// The chat as the selected number sees it.
pub async fn get(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
) -> Result<ChatView> {
    let org = caller.org;
    let selector = ChatSelector::of(caller, address, number);
    store.read_fixed(move |connection| find(connection, org, &selector)).await
}

/// Changes the chat and returns it as the selected number sees it.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    change: ChatChange,
    precondition: Precondition<ChatView>,
    idempotent: IdempotentWrite<ChatView, R>,
) -> Result<R> {
    let change = CheckedChange::parse(change)?;
    let org = caller.org;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let selector = ChatSelector::of(caller, address, number);
    let write = move |tx: &mut Transaction<'_>| {
        // The request is validated before the chat is looked up, so that an invalid request reveals nothing about the
        // chat. Members are locked before chats, as when a member is deleted.
        let properties = change.resolve(tx, org)?;
        let Some(locked) = chats::lock(tx, org, &selector.address)? else {
            return Err(missing(tx, org, &selector)?.into());
        };
        check_shared(tx, org, &selector)?;
        if precondition.is_some() {
            precondition.check(&find(tx, org, &selector)?)?;
        }
        change.write(tx, &locked, &properties)?;
        // Fails, and rolls back, when the selected number does not hold the chat.
        find(tx, org, &selector)
    };
    idempotent.write(store, org, write).await
}

/// Marks the chat as read by the selected number, and returns that number's view.
pub async fn mark_read<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    precondition: Precondition<ChatView>,
    idempotent: IdempotentWrite<ChatView, R>,
) -> Result<R> {
    let org = caller.org;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let selector = ChatSelector::of(caller, address, number);
    let write = move |tx: &mut Transaction<'_>| {
        let Some(session) = chats::find_session(tx, org, &selector)? else {
            return Err(missing(tx, org, &selector)?.into());
        };
        // Fixes the session, since concurrent activity may change which one is selected.
        let fixed = ChatSelector { sessions: Some([session].into()), ..selector.clone() };
        if precondition.is_some() {
            // The version covers the organization's data and the session's.
            chats::lock(tx, org, &selector.address)?;
            session_chats::lock(tx, org, session, &selector.address)?;
            precondition.check(&find(tx, org, &fixed)?)?;
        }
        read_state::mark(tx, session, &selector.address, ReadState::Read)?;
        find(tx, org, &fixed)
    };
    idempotent.write(store, org, write).await
}

/// Closes or reopens the chat, and returns the selected number's view. A closed chat keeps its time.
pub async fn set_closed<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    (address, number): (ChatAddress, Option<PhoneSelector>),
    closed: bool,
    precondition: Precondition<ChatView>,
    idempotent: IdempotentWrite<ChatView, R>,
) -> Result<R> {
    let org = caller.org;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let selector = ChatSelector::of(caller, address, number);
    let write = move |tx: &mut Transaction<'_>| {
        let Some(locked) = chats::lock(tx, org, &selector.address)? else {
            return Err(missing(tx, org, &selector)?.into());
        };
        check_shared(tx, org, &selector)?;
        let view = find(tx, org, &selector)?;
        precondition.check(&view)?;
        if view.shared.closed_at.is_some() == closed {
            return Ok(view);
        }
        chats::set_closed_at(tx, &locked, view.shared.closed_at, closed.then(Instant::now))?;
        find(tx, org, &selector)
    };
    idempotent.write(store, org, write).await
}

fn find(connection: &mut Connection, org: OrgId, selector: &ChatSelector) -> StoreResult<ChatView> {
    match chat_find::find(connection, org, selector)? {
        Some(mut view) => {
            chat_lists::hide_common(
                connection,
                org,
                selector.viewer.as_deref(),
                std::slice::from_mut(&mut view),
            )?;
            let views = std::slice::from_mut(&mut view);
            chat_lists::hide_claimed(connection, org, selector.claimant.as_ref(), views)?;
            Ok(view)
        }
        None => Err(missing(connection, org, selector)?.into()),
    }
}

/// Rejects a change of what sessions share of a chat that the key only claims.
pub(super) fn check_shared(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<()> {
    let claimed = claims::of(connection, org, selector.claimant.as_ref(), &[&selector.address])?;
    match claimed.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Kind::Forbidden, ONLY_CLAIMED).into()),
    }
}

/// The error when the selected session does not hold the chat.
pub(super) fn missing(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Error> {
    missing_chat(connection, org, selector.phone.as_ref(), selector.sessions.as_deref())
}

/// A syntactically valid change.
struct CheckedChange {
    /// The key of the member's email.
    assignee: Patch<String>,
    labels: Option<Vec<LabelName>>,
    properties: BTreeMap<String, PropertyInput>,
}

impl CheckedChange {
    fn parse(change: ChatChange) -> Result<Self> {
        if change.assigned_to.is_keep() && change.labels.is_keep() && change.custom_properties.is_keep() {
            return Err(nothing_to_change());
        }
        let assignee = match change.assigned_to {
            Patch::Set(email) if email.is_empty() => Patch::Clear,
            // PostgreSQL cannot store NUL.
            Patch::Set(email) if email.contains('\0') => return Err(unknown_assignee()),
            Patch::Set(email) => Patch::Set(text_key(&email)),
            unchanged @ (Patch::Keep | Patch::Clear) => unchanged,
        };
        let labels = change.labels.or_default().map(|lists| labels::parse(&lists)).transpose()?;
        let properties = match change.custom_properties {
            Patch::Keep => BTreeMap::new(),
            // Keys that are not sent stay, so there is no representation for removing all.
            Patch::Clear => return Err(Error::invalid(chat_properties::FIELD, "must be an object")),
            Patch::Set(values) => values,
        };
        Ok(Self { assignee, labels, properties })
    }

    /// Validates the change against the organization's members and properties.
    fn resolve(&self, connection: &mut Connection, org: OrgId) -> StoreResult<chat_properties::Changes> {
        if let Patch::Set(member_key) = &self.assignee
            && members::lock_existing(connection, org, &[member_key])?.is_empty()
        {
            return Err(unknown_assignee().into());
        }
        chat_properties::resolve(connection, org, &self.properties)
    }

    /// Writes what differs from the stored chat.
    fn write(
        &self,
        tx: &mut Transaction<'_>,
        chat: &LockedChat,
        properties: &chat_properties::Changes,
    ) -> StoreResult<()> {
        let org = tx.org();
        let mut changed = false;
        if let Some(names) = &self.labels {
            let label_ids = labels::find_or_create(tx, org, names)?;
            let chosen: Vec<_> = label_ids.iter().map(|id| (chat.key, id)).collect();
            changed |= !chat_labels::replace(tx, &[chat.key], &chosen)?.is_empty();
        }
        let set: Vec<_> = properties.set.iter().map(|(id, value)| (chat.key, id.as_str(), value)).collect();
        changed |= !store::chat_properties::set(tx, &set)?.is_empty();
        let removed: Vec<_> = properties.removed.iter().map(|id| (chat.key, id.as_str())).collect();
        changed |= !store::chat_properties::remove(tx, &removed)?.is_empty();
        let assignee = match &self.assignee {
            Patch::Keep => chat.assignee.as_deref(),
            Patch::Clear => None,
            Patch::Set(member_key) => Some(member_key.as_str()),
        };
        changed |= assignee != chat.assignee.as_deref();
        if changed {
            chats::set_assignee(tx, chat, assignee)?;
        }
        Ok(())
    }
}

fn unknown_assignee() -> Error {
    Error::invalid("assigned_to", "must be the email of a member of the organization")
}

/// The documented error.
fn nothing_to_change() -> Error {
    let message = "Invalid body. At least one of the following keys are required: labels, custom_properties, assigned_to";
    ["assigned_to", "custom_properties", "labels"]
        .into_iter()
        .fold(Error::new(Kind::Invalid, message), |error, field| error.with_field(field, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: ChatChange) -> Result<CheckedChange> {
        CheckedChange::parse(change)
    }

    #[test]
    fn empty_change_returns_the_documented_error() {
        let error = parse(ChatChange::default()).err().unwrap();
        let messages: Vec<_> =
            error.fields().iter().map(|violation| violation.sentence(&violation.field)).collect();
        assert_eq!(messages, ["assigned_to is missing", "custom_properties is missing", "labels is missing"]);
    }

    #[test]
    fn empty_email_unassigns_and_email_case_is_ignored() {
        for (email, expected) in
            [("", Patch::Clear), ("Agent@Acme.Example", Patch::Set("agent@acme.example".to_owned()))]
        {
            let change = ChatChange { assigned_to: Patch::Set(email.to_owned()), ..ChatChange::default() };
            assert_eq!(parse(change).ok().unwrap().assignee, expected);
        }
    }

    #[test]
    fn cleared_labels_are_empty_and_unsent_labels_stay() {
        let change = ChatChange { labels: Patch::Clear, ..ChatChange::default() };
        assert_eq!(parse(change).ok().unwrap().labels, Some(Vec::new()));
        let change = ChatChange { assigned_to: Patch::Clear, ..ChatChange::default() };
        assert_eq!(parse(change).ok().unwrap().labels, None);
    }
}
