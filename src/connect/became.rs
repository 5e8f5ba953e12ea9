//! What raw events became, for people who look for a message.

use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Event, MessageReference};

/// The kind of an ingest event, and the id of its message if it is about one: `message 3EB0AA`.
pub(super) fn describe(event: &IngestEvent) -> String {
    let Some(event) = &event.event else { return String::new() };
    let referred = |message: &Option<MessageReference>| message.as_ref().map(|message| message.id.clone());
    let id = match event {
        Event::Message(message) => Some(message.id.clone()),
        Event::Receipt(receipt) => referred(&receipt.message),
        Event::DeleteMessage(deletion) => referred(&deletion.message),
        Event::Edit(edit) => referred(&edit.message),
        Event::Reaction(reaction) => referred(&reaction.message),
        Event::Contact(_)
        | Event::Chat(_)
        | Event::Read(_)
        | Event::Unread(_)
        | Event::Address(_)
        | Event::Alias(_)
        | Event::Status(_)
        | Event::Inbox(_)
        | Event::Number(_)
        | Event::Member(_)
        | Event::Label(_)
        | Event::Property(_)
        | Event::MemberChange(_) => None,
    };
    match id {
        Some(id) => format!("{} {}", event.kind(), id.replace(['\n', '\0'], "")),
        None => event.kind().to_owned(),
    }
}
