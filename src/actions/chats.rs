//! Reading a chat, and changing what the organization attached to it.

use std::collections::BTreeMap;

use super::idempotency::IdempotentWrite;
use super::read_state::{self, ReadState};
use super::{Precondition, chat_properties, labels};
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId, PhoneSelector};
use crate::patch::Patch;
use crate::store::chats::{ChatSelector, ChatView, LockedChat};
use crate::store::labels::LabelName;
use crate::store::{
    self, Connection, Store, StoreResult, chats, labels as stored_labels, members, session_chats,
};
use crate::text_key::text_key;

/// What changes of a chat.
#[derive(Clone, Debug, Default)]
pub struct ChatChange {
    /// Email of the member it is assigned to; empty unassigns.
    pub assigned_to: Patch<String>,
    /// The label names it has from now on; an element may hold several, separated by commas.
    pub labels: Patch<Vec<String>>,
    /// Values by property id or name; those not named stay.
    pub custom_properties: Patch<BTreeMap<String, chat_properties::PropertyInput>>,
}

/// The chat as the selected number sees it.
pub async fn get(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
) -> Result<ChatView> {
    let org = caller.org;
    let selector = ChatSelector { address, phone: number, sessions: caller.sessions.clone() };
    store.read(move |connection| find(connection, org, &selector)).await
}

/// Changes the chat, all or nothing, and answers it as the selected number sees it then.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    change: ChatChange,
    precondition: Precondition<ChatView>,
    once: IdempotentWrite<ChatView, R>,
) -> Result<R> {
    let wanted = Wanted::parse(change)?;
    let org = caller.org;
    let selector = ChatSelector { address, phone: number, sessions: caller.sessions.clone() };
    once.write(store, org, move |connection| {
        // Refusals of the request come before those of the chat: a caller learns nothing of a chat with a request
        // that could not succeed. Members before chats is also the order in which deleting a member locks.
        let wanted = wanted.resolve(connection, org)?;
        let locked = chats::lock(connection, org, &selector.address)?.ok_or_else(chat_not_found)?;
        if precondition.is_some() {
            precondition.check(&find(connection, org, &selector)?)?;
        }
        wanted.write(connection, org, &locked)?;
        // Also finds out whether the selected number holds the chat; when it does not, nothing was written.
        find(connection, org, &selector)
    })
    .await
}

/// Marks the chat as read by the selected number, and answers it as that number sees it then.
pub async fn mark_read<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    precondition: Precondition<ChatView>,
    once: IdempotentWrite<ChatView, R>,
) -> Result<R> {
    let org = caller.org;
    let selector = ChatSelector { address, phone: number, sessions: caller.sessions.clone() };
    once.write(store, org, move |connection| {
        let session = chats::find_session(connection, org, &selector)?.ok_or_else(chat_not_found)?;
        // That number and no other, also when another one hears of something newer at this moment.
        let same = ChatSelector { sessions: Some([session].into()), ..selector.clone() };
        if precondition.is_some() {
            // The version is of both: what the organization attached, and what the number sees.
            chats::lock(connection, org, &selector.address)?.ok_or_else(chat_not_found)?;
            session_chats::lock(connection, org, session, &selector.address)?;
            precondition.check(&find(connection, org, &same)?)?;
        }
        read_state::mark(connection, org, session, &selector.address, ReadState::Read)?;
        find(connection, org, &same)
    })
    .await
}

fn find(connection: &mut Connection, org: OrgId, selector: &ChatSelector) -> StoreResult<ChatView> {
    Ok(chats::find(connection, org, selector)?.ok_or_else(chat_not_found)?)
}

fn chat_not_found() -> Error {
    Error::not_found("chat not found")
}

/// A change whose form is right.
struct Wanted {
    /// The key of the member's email.
    assignee: Patch<String>,
    labels: Option<Vec<LabelName>>,
    properties: BTreeMap<String, chat_properties::PropertyInput>,
}

/// A change that the organization's members and properties allow.
struct Allowed<'a> {
    assignee: &'a Patch<String>,
    labels: Option<&'a [LabelName]>,
    properties: chat_properties::Changes,
}

impl Wanted {
    fn parse(change: ChatChange) -> Result<Self> {
        if change.assigned_to.is_keep() && change.labels.is_keep() && change.custom_properties.is_keep() {
            return Err(nothing_to_change());
        }
        let assignee = match change.assigned_to {
            Patch::Set(email) if email.is_empty() => Patch::Clear,
            // PostgreSQL cannot hold NUL, so no member's email has one.
            Patch::Set(email) if email.contains('\0') => return Err(not_a_member()),
            Patch::Set(email) => Patch::Set(text_key(&email)),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        let labels = match change.labels {
            Patch::Keep => None,
            Patch::Clear => Some(Vec::new()),
            Patch::Set(lists) => Some(labels::parse(&lists)?),
        };
        let properties = match change.custom_properties {
            Patch::Keep => BTreeMap::new(),
            // The keys that are not sent stay, so there is no word for removing them all.
            Patch::Clear => return Err(Error::invalid(chat_properties::FIELD, "must be an object")),
            Patch::Set(values) => values,
        };
        Ok(Self { assignee, labels, properties })
    }

    fn resolve(&self, connection: &mut Connection, org: OrgId) -> StoreResult<Allowed<'_>> {
        if let Patch::Set(member_key) = &self.assignee
            && members::lock_existing(connection, org, &[member_key])?.is_empty()
        {
            return Err(not_a_member().into());
        }
        let properties = chat_properties::resolve(connection, org, &self.properties)?;
        Ok(Allowed { assignee: &self.assignee, labels: self.labels.as_deref(), properties })
    }
}

impl Allowed<'_> {
    /// Writes what differs from what is stored.
    fn write(&self, connection: &mut Connection, org: OrgId, chat: &LockedChat) -> StoreResult<()> {
        let mut changed = false;
        if let Some(names) = self.labels {
            let label_ids = match names {
                [] => Vec::new(),
                names => stored_labels::find_or_create(connection, org, names)?,
            };
            changed |= stored_labels::replace(connection, org, chat.key, &label_ids)?;
        }
        changed |= store::chat_properties::set(connection, org, chat.key, &self.properties.set)?;
        changed |= store::chat_properties::remove(connection, org, chat.key, &self.properties.removed)?;
        let assignee = match self.assignee {
            Patch::Keep => chat.assignee.as_deref(),
            Patch::Clear => None,
            Patch::Set(member_key) => Some(member_key.as_str()),
        };
        changed |= assignee != chat.assignee.as_deref();
        if changed {
            chats::set_assignee(connection, org, chat.key, assignee)?;
        }
        Ok(())
    }
}

fn not_a_member() -> Error {
    Error::invalid("assigned_to", "must be the email of a member of the organization")
}

/// Worded as the documented answer is.
fn nothing_to_change() -> Error {
    let message = "Invalid body. At least one of the following keys are required: labels, custom_properties, assigned_to";
    ["assigned_to", "custom_properties", "labels"]
        .into_iter()
        .fold(Error::new(Kind::Invalid, message), |error, field| error.with_field(field, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_nothing_is_refused_in_the_documented_words() {
        let error = Wanted::parse(ChatChange::default()).err().unwrap();
        let messages: Vec<_> =
            error.fields().iter().map(|violation| violation.sentence(&violation.field)).collect();
        assert_eq!(messages, ["assigned_to is missing", "custom_properties is missing", "labels is missing"]);
    }

    #[test]
    fn an_empty_email_unassigns() {
        let change = ChatChange { assigned_to: Patch::Set(String::new()), ..ChatChange::default() };
        assert_eq!(Wanted::parse(change).ok().unwrap().assignee, Patch::Clear);
    }

    #[test]
    fn an_email_is_compared_without_regard_to_case() {
        let email = "Agent@Acme.Example".to_owned();
        let change = ChatChange { assigned_to: Patch::Set(email), ..ChatChange::default() };
        let wanted = Wanted::parse(change).ok().unwrap();
        assert_eq!(wanted.assignee, Patch::Set("agent@acme.example".to_owned()));
    }

    #[test]
    fn cleared_labels_are_none_and_kept_labels_are_not_sent() {
        let change = ChatChange { labels: Patch::Clear, ..ChatChange::default() };
        assert_eq!(Wanted::parse(change).ok().unwrap().labels, Some(Vec::new()));
        let change = ChatChange { assigned_to: Patch::Clear, ..ChatChange::default() };
        assert_eq!(Wanted::parse(change).ok().unwrap().labels, None);
    }
}
