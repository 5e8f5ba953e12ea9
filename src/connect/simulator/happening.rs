//! What happens in the chats of a simulated line, and its events.

use serde::{Deserialize, Serialize};

use super::people;
use crate::connect::gateway::{Groups, RawEvent};
use crate::ids::{AddressKind, ChatAddress, Phone};
use crate::instant::Instant;
use crate::pb::ingest_event::{Contact, Event, Message, MessageReference, Reaction, Receipt, ReceiptKind};

/// What happens to a message or in a chat: a raw event of the simulator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Happening {
    Receipt {
        chat: String,
        id: String,
        by: String,
        kind: String,
        at: i64,
    },
    Message {
        chat: String,
        id: String,
        sender: String,
        name: String,
        text: String,
        quotes: Option<String>,
        at: i64,
    },
    Reaction {
        chat: String,
        id: String,
        by: String,
        emoji: String,
        at: i64,
    },
}

impl Happening {
    /// In a group, one of its members acts: the same one in all that concerns a message. Somebody of the simulator's own acts in
    /// a group whose members are not known.
    pub(super) async fn choose_actor(&mut self, own: &Phone, groups: &dyn Groups) {
        let (chat, about, actor) = match self {
            Self::Receipt { chat, id, by, .. } | Self::Reaction { chat, id, by, .. } => (chat, &*id, by),
            Self::Message { chat, id, quotes, sender, .. } => (chat, quotes.as_ref().unwrap_or(&*id), sender),
        };
        let Ok(group) = chat.parse::<ChatAddress>() else { return };
        if group.kind() != AddressKind::Group {
            return;
        }
        let own = ChatAddress::of_phone(own).to_string();
        let mut others = groups.members(&group).await;
        others.retain(|member| *member != own);
        if let Some(member) = people::choose(&others, about) {
            member.clone_into(actor);
        }
    }
}

/// The raw event.
pub(super) fn raw_event(happening: Happening) -> Option<RawEvent> {
    let (chat, key) = match &happening {
        Happening::Receipt { chat, id, kind, .. } => (chat.clone(), format!("{kind} {id}")),
        Happening::Message { chat, id, .. } => (chat.clone(), id.clone()),
        Happening::Reaction { chat, id, by, .. } => (chat.clone(), format!("reaction {id} {by}")),
    };
    Some(RawEvent {
        key,
        body: serde_json::to_value(happening).ok()?,
        chat,
        account: None,
        business_account: None,
        files: Vec::new(),
    })
}

/// The ingest events.
pub(super) fn events(happening: Happening, phone: &Phone) -> Vec<Event> {
    let timestamp = |millis| Instant::from_millis(millis).map(Into::into);
    let of_own = |chat: &str, id: String| {
        Some(MessageReference { id, chat: chat.to_owned(), from_me: Some(true), author: None })
    };
    match happening {
        Happening::Receipt { chat, id, by, kind, at } => {
            let kind = if kind == "read" { ReceiptKind::Read } else { ReceiptKind::Delivered };
            let message = of_own(&chat, id);
            let receipt = Receipt { message, by, kind: kind.into(), at: timestamp(at), ..Receipt::default() };
            vec![Event::Receipt(receipt)]
        }
        Happening::Reaction { chat, id, by, emoji, at } => {
            vec![Event::Reaction(Reaction { message: of_own(&chat, id), by, emoji, at: timestamp(at) })]
        }
        Happening::Message { chat, id, sender, name, text, quotes, at } => {
            let contact = Contact { id: sender.clone(), name: Some(name), ..Contact::default() };
            let is_group = chat.ends_with("@g.us");
            let message = Message {
                id,
                timestamp: timestamp(at),
                r#type: Some("chat".to_owned()),
                body: Some(text),
                author: is_group.then(|| sender.clone()),
                from: Some(chat.clone()),
                to: Some(ChatAddress::of_phone(phone).to_string()),
                has_quoted_msg: Some(quotes.is_some()),
                quoted_message_id: quotes,
                sender: Some(sender),
                chat,
                ..Message::default()
            };
            // A person keeps the name that it has.
            let is_new = people::is_stranger(&contact.id);
            let contact = is_new.then_some(Event::Contact(contact));
            contact.into_iter().chain([Event::Message(message)]).collect()
        }
    }
}
