//! The JSON form of an event, with its kind as the key.

use serde::{Deserialize, Serialize};

use super::{
    AddressEvent, ChatEvent, ContactEvent, DeleteMessageEvent, Event, InboxEvent, IngestEvent, LabelEvent,
    MessageEvent, NumberEvent, OrganizationMemberEvent, PropertyEvent, ReadEvent, ReceiptEvent, StatusEvent,
    UnreadEvent,
};

/// Declares the line: a key for each kind of event, no two of them at once, and no key that nobody reads.
macro_rules! line {
    ($($key:ident: $kind:ident($event:ty),)+) => {
        #[derive(Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct Line {
            #[serde(default, skip_serializing_if = "String::is_empty")]
            session: String,
            $(
                #[serde(default, skip_serializing_if = "Option::is_none")]
                $key: Option<$event>,
            )+
        }

        impl TryFrom<Line> for IngestEvent {
            type Error = &'static str;

            fn try_from(line: Line) -> Result<Self, Self::Error> {
                let mut events = [$(line.$key.map(Event::$kind),)+].into_iter().flatten();
                match (events.next(), events.next()) {
                    (Some(event), None) => Ok(Self { session: line.session, event }),
                    _ => Err("an event must have exactly one of contact, chat, message, receipt, read, unread, \
                              address, deleteMessage, status, inbox, number, member, label and property"),
                }
            }
        }

        impl Event {
            /// What kind of event it is, in words of ours.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($key),)+
                }
            }
        }

        impl From<IngestEvent> for Line {
            fn from(event: IngestEvent) -> Self {
                let line = Self { session: event.session, ..Self::default() };
                match event.event {
                    $(Event::$kind(event) => Self { $key: Some(event), ..line },)+
                }
            }
        }
    };
}

line! {
    contact: Contact(ContactEvent),
    chat: Chat(Box<ChatEvent>),
    message: Message(Box<MessageEvent>),
    receipt: Receipt(ReceiptEvent),
    read: Read(ReadEvent),
    unread: Unread(UnreadEvent),
    address: Address(AddressEvent),
    delete_message: DeleteMessage(DeleteMessageEvent),
    status: Status(StatusEvent),
    inbox: Inbox(Box<InboxEvent>),
    number: Number(NumberEvent),
    member: Member(OrganizationMemberEvent),
    label: Label(LabelEvent),
    property: Property(PropertyEvent),
}
