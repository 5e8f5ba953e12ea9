//! Everything of an organization told again, as events that make the same organization elsewhere.
//!
//! Api-keys are not told, whose secrets nobody knows, nor is what happened before: who changed what, and how far senders
//! have come.

mod chats;
mod messages;

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::event::{
    AddressEvent, ConnectionStatus, ContactEvent, DeleteMessageEvent, Event, IngestEvent, LabelEvent,
    NumberEvent, OrganizationMemberEvent, PropertyEvent, ReceiptEvent, StatusEvent, UnreadEvent,
};
use super::messages::kind_of;
use crate::actions::{orgs, sessions};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, SessionId};
use crate::patch::Patch;
use crate::store::export::{self as rows, Number};
use crate::store::ingest::{Contact, PendingReceipt, SessionChatKey, unread_counts};
use crate::store::{Connection, Store, StoreResult, members, properties};

/// Events that are handed over together.
const CHUNK: usize = 32;
/// Chats that are looked at together.
const PAGE: i64 = 200;

/// What an export is about.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The organization.
    pub org: OrgId,
    /// The only number; `None` for all of them.
    pub session: Option<SessionId>,
}

/// Refuses an organization or a session that does not exist. Answers how many messages there are to tell.
pub async fn messages_in(store: &Store, scope: Scope) -> Result<u64> {
    orgs::require(store, scope.org).await?;
    let Scope { org, session } = scope;
    let (numbers, messages) = store
        .snapshot(move |connection| {
            Ok((
                rows::numbers(connection, org, session)?.len(),
                rows::count_messages(connection, org, session)?,
            ))
        })
        .await?;
    if session.is_some() && numbers == 0 {
        return Err(sessions::not_found());
    }
    Ok(u64::try_from(messages).unwrap_or_default())
}

/// Tells everything as it is at one moment. Ends early when nobody listens any more.
pub async fn tell(store: &Store, scope: Scope, listener: mpsc::Sender<Vec<IngestEvent>>) -> Result<()> {
    store.snapshot(move |connection| Teller::new(scope, listener).tell_all(connection)).await
}

struct Teller {
    scope: Scope,
    listener: mpsc::Sender<Vec<IngestEvent>>,
    chunk: Vec<IngestEvent>,
    /// The digits of each number, by which it is found also where it has another session.
    digits: HashMap<SessionId, String>,
}

impl Teller {
    fn new(scope: Scope, listener: mpsc::Sender<Vec<IngestEvent>>) -> Self {
        Self { scope, listener, chunk: Vec::with_capacity(CHUNK), digits: HashMap::new() }
    }

    fn tell_all(mut self, connection: &mut Connection) -> StoreResult<()> {
        let Scope { org, session } = self.scope;
        let numbers = rows::numbers(connection, org, session)?;
        self.digits =
            numbers.iter().map(|number| (number.session_id, number.phone.as_str().to_owned())).collect();
        for number in &numbers {
            self.number(number)?;
        }
        self.organization(connection)?;
        // What belongs to no number is told by one of them: without any there is no chat it could be seen in.
        if let Some(teller) = numbers.first().map(|number| number.phone.as_str().to_owned()) {
            rows::each_lid(connection, org, session, |(lid, phone)| {
                let tie = AddressEvent { lid: lid.as_str().to_owned(), jid: phone.as_str().to_owned() };
                self.say(&teller, Event::Address(tie))
            })?;
            rows::each_contact(connection, org, session, |person| {
                self.say(&teller, Event::Contact(contact(person)))
            })?;
        }
        self.chats(connection)?;
        for number in &numbers {
            let digits = number.phone.as_str();
            rows::each_message(connection, org, number.session_id, |(chat, row)| {
                messages::events(&chat, row)?
                    .into_iter()
                    .try_for_each(|message| self.say(digits, Event::Message(Box::new(message))))
            })?;
            rows::each_receipt(connection, org, number.session_id, |(chat, waiting)| {
                self.say(digits, receipt(chat, waiting))
            })?;
            self.unread(connection, number)?;
        }
        self.hand_over()
    }

    fn say(&mut self, session: &str, event: Event) -> StoreResult<()> {
        self.chunk.push(IngestEvent { session: session.to_owned(), event });
        if self.chunk.len() >= CHUNK { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> StoreResult<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let sent = self.listener.blocking_send(chunk);
        Ok(sent.map_err(|_| Error::new(Kind::Cancelled, "nobody listens any more"))?)
    }

    fn number(&mut self, number: &Number) -> StoreResult<()> {
        let digits = number.phone.as_str();
        let told = NumberEvent {
            id: Some(number.session_id.to_string()),
            phone_id: Some(number.phone_id.as_str().to_owned()),
            lid: number.lid.clone(),
            label: number.label.clone(),
            created_at: Some(number.created_at),
        };
        self.say(digits, Event::Number(told))?;
        if let Some(at) = number.last_connected_at {
            self.say(digits, Event::Status(StatusEvent { status: ConnectionStatus::Connected, at }))?;
        }
        match number.status_at.zip(status(&number.status)) {
            Some((at, status)) => self.say(digits, Event::Status(StatusEvent { status, at })),
            None => Ok(()),
        }
    }

    fn organization(&mut self, connection: &mut Connection) -> StoreResult<()> {
        for member in members::list(connection, self.scope.org)? {
            let (created_at, role) = (Some(member.created_at), Some(member.role));
            let told = OrganizationMemberEvent { email: member.email, name: member.name, role, created_at };
            self.say("", Event::Member(told))?;
        }
        for label in rows::labels(connection, self.scope.org)? {
            let (id, created_at) = (Some(label.label_id.to_string()), Some(label.created_at));
            let told = LabelEvent { id, name: label.name, color: label.color, created_at };
            self.say("", Event::Label(told))?;
        }
        for property in properties::list(connection, self.scope.org)? {
            let told = PropertyEvent {
                id: Some(property.property_id.to_string()),
                name: property.name,
                kind: property.kind,
                options: property.options,
                created_at: Some(property.created_at),
            };
            self.say("", Event::Property(told))?;
        }
        Ok(())
    }

    /// Where more is unread than the messages say, somebody marked it so.
    fn unread(&mut self, connection: &mut Connection, number: &Number) -> StoreResult<()> {
        let (org, session) = (self.scope.org, number.session_id);
        let mut after = i64::MIN;
        loop {
            let page = rows::unread_after(connection, org, session, after, PAGE)?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = *last;
            let keys: Vec<_> =
                page.iter().map(|(chat_key, ..)| SessionChatKey { session, chat_key: *chat_key }).collect();
            let counts: HashMap<SessionChatKey, i64> =
                unread_counts(connection, org, &keys)?.into_iter().collect();
            for ((_, chat, count, has_mark), key) in page.into_iter().zip(keys) {
                let counted = counts.get(&key).copied().unwrap_or_default();
                if i64::from(count) > counted || (counted == 0 && !has_mark) {
                    self.say(number.phone.as_str(), Event::Unread(UnreadEvent { chat, count }))?;
                }
            }
        }
    }
}

fn status(word: &str) -> Option<ConnectionStatus> {
    match word {
        "disconnected" => Some(ConnectionStatus::Disconnected),
        "connecting" => Some(ConnectionStatus::Connecting),
        "connected" => Some(ConnectionStatus::Connected),
        "logged_out" => Some(ConnectionStatus::LoggedOut),
        _ => None,
    }
}

fn contact(person: Contact) -> ContactEvent {
    ContactEvent {
        id: person.id.as_str().to_owned(),
        name: known(person.name),
        color: known(person.color),
        image: known(person.image),
        is_internal: Some(person.is_internal),
    }
}

fn receipt(chat: String, waiting: PendingReceipt) -> Event {
    let id = waiting.message.id;
    match kind_of(&waiting.kind) {
        Some(kind) => {
            Event::Receipt(ReceiptEvent { message: id, chat, by: waiting.contact, kind, at: waiting.at })
        }
        None => Event::DeleteMessage(DeleteMessageEvent { id, chat }),
    }
}

/// What is not known is left out.
fn known<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}
