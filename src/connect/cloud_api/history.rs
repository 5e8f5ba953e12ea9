//! What a phone with the WhatsApp Business app brings along (coexistence): its history and its address book.

use serde_json::Value;

use super::fields::{event, items, owned, phone, text, timestamp};
use super::message;
use crate::connect::gateway::Mapped;
use crate::connect::settings::ConnectionSettings;
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Contact, Event, Message, Read};

/// Maps a chunk of history.
///
/// # Errors
///
/// A message cannot be mapped.
pub(super) fn map(settings: &ConnectionSettings, value: &Value, chunk: &Value) -> Result<Mapped, String> {
    let mut mapped = Mapped::default();
    for thread in items(chunk, "threads") {
        let (mut read, mut events) = (None, Vec::new());
        for raw in items(thread, "messages") {
            let mut one = message::map(settings, value, raw, Some(thread))?;
            let status = text(raw, "/history_context/status");
            one.events.iter_mut().for_each(|event| set_status(event, status));
            read = read.max(read_mark(&one.events, status));
            events.extend(one.events);
            mapped.follow_ups.extend(one.follow_ups);
        }
        // It decides which of the messages are unread, so it comes first.
        let read = read.map(|(at, chat)| event(Event::Read(Read { chat, up_to: Some(at.into()) })));
        mapped.events.extend(read.into_iter().chain(events));
    }
    if mapped.events.is_empty() {
        mapped.ignored = match items(chunk, "errors").is_empty() {
            true => "a chunk of history without messages",
            false => "the business did not share its history",
        };
    }
    Ok(mapped)
}

fn message_of(event: &IngestEvent) -> Option<&Message> {
    let Some(Event::Message(message)) = &event.event else { return None };
    Some(message)
}

fn set_status(event: &mut IngestEvent, status: Option<&str>) {
    let Some(Event::Message(message)) = &mut event.event else { return };
    let ack = match status {
        _ if !message.from_me => return,
        Some("ERROR") => "-1",
        Some("PENDING") => "0",
        Some("DELIVERED") => "3",
        Some("READ" | "PLAYED") => "4",
        _ => "2",
    };
    message.ack = Some(ack.to_owned());
}

/// The time and the chat of a message that the business has read.
fn read_mark(events: &[IngestEvent], status: Option<&str>) -> Option<(Instant, String)> {
    let message = events.iter().find_map(message_of).filter(|message| !message.from_me)?;
    let at = message.timestamp.and_then(|at| Instant::from_millis(at.seconds * 1000))?;
    matches!(status, Some("READ" | "PLAYED")).then(|| (at, message.chat.clone()))
}

/// Maps an entry of the address book.
///
/// # Errors
///
/// It has no phone number.
pub(super) fn contact(entry: &Value) -> Result<Mapped, String> {
    let number = text(entry, "/contact/phone_number").and_then(phone);
    let number = number.ok_or_else(|| "contact.phone_number: must be a phone number".to_owned())?;
    let name = owned(entry, "/contact/full_name").or_else(|| owned(entry, "/contact/first_name"));
    let is_removed = text(entry, "/action") == Some("remove");
    let cleared = prost_types::FieldMask { paths: vec!["name".to_owned()] };
    let updated_at = entry.get("metadata").and_then(|metadata| timestamp(metadata).ok());
    let contact = Contact {
        id: number.as_str().to_owned(),
        name: name.filter(|_| !is_removed),
        cleared: is_removed.then_some(cleared),
        updated_at: updated_at.map(Into::into),
        ..Contact::default()
    };
    Ok(Mapped { events: vec![event(Event::Contact(contact))], ..Mapped::default() })
}
