//! The session that sends, the chat that it sends to, and the message that a send is about.

use uuid::Uuid;

use super::content::Target;
use super::references;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::sessions::{self, chat_not_found, check_reach};
use crate::caller::Caller;
use crate::error::Error;
use crate::ids::{AddressKind, ChatAddress, MessageId, OrgId, PhoneSelector, SessionId};
use crate::store::chat_selector::ChatSelector;
use crate::store::message_views::{MessageView, NamedMessage};
use crate::store::send_views::SentMessage;
use crate::store::sent_messages::{self, FoundMessage};
use crate::store::sessions::SessionRow;
use crate::store::{Connection, StoreResult, chat_access, chats, send_views, sessions as session_rows};

/// Where a message is sent.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// A chat of the selected number, or of the number with the newest activity in it.
    Chat(ChatAddress, Option<PhoneSelector>),
    /// A chat of that session.
    SessionChat(SessionId, ChatAddress),
}

/// How a request names a message.
#[derive(Clone, Debug)]
pub enum MessageName {
    /// By the id of its send.
    Send(Uuid),
    /// By its `message_id`: the chat, and the message in it.
    Message(ChatSelector, NamedMessage),
    /// By WhatsApp's id alone, which finds messages that were sent here.
    Sent(SentMessage),
}

impl Recipient {
    /// The address of the chat.
    pub(super) const fn address(&self) -> &ChatAddress {
        match self {
            Self::Chat(address, _) | Self::SessionChat(_, address) => address,
        }
    }
}

impl MessageName {
    /// Parses an id: a queue id, a `message_id` or a `unique_id`.
    pub fn parse(caller: &Caller, id: &str, phone: Option<PhoneSelector>) -> Self {
        // Ids of WhatsApp's clients may have 32 hexadecimal digits, too, in upper case.
        if let Some(send) = id.parse().ok().filter(|_| !id.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return Self::Send(send);
        }
        match id.parse::<MessageId>() {
            Ok(name) => Self::Message(ChatSelector::of(caller, name.chat.clone(), phone), name.into()),
            Err(_) => {
                let (sessions, viewer) = (caller.sessions.clone(), caller.viewer());
                Self::Sent(SentMessage { message_id: id.to_owned(), phone, sessions, viewer })
            }
        }
    }
}

/// The session that sends and the chat's canonical address. A person need not have a chat yet, if the session is named.
pub(super) fn route(
    connection: &mut Connection,
    caller: &Caller,
    recipient: &Recipient,
) -> StoreResult<(SessionRow, ChatAddress)> {
    let org = caller.org;
    let (session, address) = match recipient {
        Recipient::SessionChat(session, address) => {
            check_reach(caller, *session)?;
            (Some(*session), address)
        }
        Recipient::Chat(address, phone) => (of_number(connection, caller, address, phone.as_ref())?, address),
    };
    let session = session.ok_or_else(chat_not_found)?;
    let row = session_rows::find(connection, org, session)?.ok_or_else(sessions::not_found)?;
    if chat_access::hides(connection, org, Some(address), caller.viewer().as_deref())? {
        return Err(chat_not_found().into());
    }
    let known = chats::canonical(connection, org, session, address)?;
    match known {
        Some(canonical) => Ok((row, canonical)),
        // A group that the session does not hold is one that it is no member of.
        None if address.kind() == AddressKind::Group => Err(chat_not_found().into()),
        None => Ok((row, address.clone())),
    }
}

/// The session of the number, or the one with the newest activity in the chat.
fn of_number(
    connection: &mut Connection,
    caller: &Caller,
    address: &ChatAddress,
    phone: Option<&PhoneSelector>,
) -> StoreResult<Option<SessionId>> {
    let Some(phone) = phone else {
        let selector = ChatSelector::of(caller, address.clone(), None);
        return chats::find_session(connection, caller.org, &selector);
    };
    let found = session_rows::find_by_phone(connection, caller.org, phone, caller.sessions.as_deref())?;
    Ok(Some(*found.first().ok_or_else(|| Error::not_found("phone not found"))?))
}

/// The message that a send is about.
pub(super) fn find_target(
    connection: &mut Connection,
    caller: &Caller,
    name: &MessageName,
) -> StoreResult<Option<FoundMessage>> {
    let org = caller.org;
    let sent = match name {
        MessageName::Message(selector, named) => {
            return sent_messages::find(connection, org, selector, named);
        }
        MessageName::Send(send) => send_views::find(connection, org, *send)?,
        MessageName::Sent(sent) => send_views::find_by_message(connection, org, sent)?,
    };
    let Some(found) = sent.and_then(|view| FoundMessage::try_from(view).ok()) else { return Ok(None) };
    let is_hidden = chat_access::hides(connection, org, Some(&found.chat), caller.viewer().as_deref())?;
    Ok(Some(found).filter(|found| !is_hidden && check_reach(caller, found.session).is_ok()))
}

/// The chat of that message, if it is known; one that the caller may see before others.
fn chat_of(connection: &mut Connection, org: OrgId, name: &MessageName) -> StoreResult<Option<ChatAddress>> {
    let sent = match name {
        MessageName::Message(selector, _) => return Ok(Some(selector.address.clone())),
        MessageName::Send(send) => send_views::find(connection, org, *send)?,
        MessageName::Sent(sent) => match send_views::find_by_message(connection, org, sent)? {
            None => {
                let hidden = SentMessage { viewer: None, ..sent.clone() };
                send_views::find_by_message(connection, org, &hidden)?
            }
            visible => visible,
        },
    };
    Ok(sent.map(|view| view.send.address))
}

/// [`IdempotentWrite::about`] the chat of a message.
pub(super) fn about_message<V, R>(
    write: IdempotentWrite<V, R>,
    caller: &Caller,
    name: MessageName,
    missing: fn() -> Error,
) -> IdempotentWrite<V, R> {
    let (org, viewer) = (caller.org, caller.viewer());
    write.rechecked(move |tx, _| {
        let Some(viewer) = viewer.as_deref() else { return Ok(()) };
        let chat = chat_of(tx, org, &name)?;
        match chat_access::hides(tx, org, chat.as_ref(), Some(viewer))? {
            true => Err(missing().into()),
            false => Ok(()),
        }
    })
}

/// The message of the chat that a new one quotes.
pub(super) fn quoted(
    connection: &mut Connection,
    caller: &Caller,
    session: SessionId,
    chat: &ChatAddress,
    id: &str,
) -> StoreResult<Target> {
    let mut in_chat = ChatSelector::of(caller, chat.clone(), None);
    in_chat.sessions = Some([session].into());
    let found = match MessageName::parse(caller, id, None) {
        MessageName::Message(selector, named) if selector.address == *chat => {
            sent_messages::find(connection, caller.org, &in_chat, &named)?
        }
        MessageName::Sent(sent) => {
            let named = NamedMessage::of_id(sent.message_id);
            sent_messages::find(connection, caller.org, &in_chat, &named)?
        }
        name @ (MessageName::Send(_) | MessageName::Message(..)) => find_target(connection, caller, &name)?,
    };
    let found = found.filter(|found| found.session == session && found.chat == *chat);
    let missing = || Error::invalid("reply_to", "must be a message of the chat");
    let found = references::with_lasting_id(connection, caller.org, found.ok_or_else(missing)?)?;
    Ok(Target::from(&found))
}

impl From<&FoundMessage> for Target {
    fn from(found: &FoundMessage) -> Self {
        let MessageView { message_id, from_me, author, .. } = &found.message;
        let author = Some(author.clone()).filter(|author| !author.is_empty());
        Self { id: message_id.clone(), from_me: *from_me, author }
    }
}
