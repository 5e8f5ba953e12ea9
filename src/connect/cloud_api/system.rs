//! System messages: a person has another phone number or another user id.

use serde_json::Value;

use super::fields::{event, phone, text};
use crate::ids::ChatAddress;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Address, Alias, Event};

/// The new number, which names the chat of a system message without the old one.
pub(super) fn new_number(raw: &Value) -> Option<&str> {
    text(raw, "/system/wa_id").or_else(|| text(raw, "/system/new_wa_id"))
}

/// Which addresses are one person's.
pub(super) fn events(raw: &Value) -> Vec<IngestEvent> {
    let user_id = |pointer| text(raw, pointer).and_then(|text| text.parse::<ChatAddress>().ok());
    let (old, new) = (text(raw, "/from").and_then(phone), new_number(raw).and_then(phone));
    let (old_id, new_id) = (user_id("/system/previous_user_id"), user_id("/system/user_id"));
    let mut events = Vec::new();
    for (old, current) in [(&old, &new), (&old_id, &new_id)] {
        if let (Some(old), Some(current)) = (old, current)
            && old != current
        {
            let (jid, same_as) = (old.as_str().to_owned(), current.as_str().to_owned());
            events.push(event(Event::Alias(Alias { jid, same_as })));
        }
    }
    if let (Some(phone), Some(user_id)) = (new.or(old), new_id) {
        let (jid, user_id) = (phone.as_str().to_owned(), user_id.as_str().to_owned());
        events.push(event(Event::Address(Address { lid: String::new(), jid, user_id })));
    }
    events
}
