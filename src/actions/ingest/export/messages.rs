//! Messages as events: one for each version of their fields, and their reactions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::actions::ingest::message_state::{MessageState, PREV_BODY};
use crate::actions::ingest::plan::from_row;
use crate::error::Error;
use crate::instant::Instant;
use crate::pb::ingest_event::{Delivery, Event, Message, MessageReference, Reaction};
use crate::store::StoreResult;
use crate::store::ingest::Message as Row;

/// The fields that name the author of an incoming message of a group.
const AUTHOR: [&str; 2] = ["author", "sender"];

/// The events that recreate a message, older versions first.
pub(super) fn events(chat: &str, row: Row) -> StoreResult<Vec<Event>> {
    let reference = MessageReference {
        id: row.key.id.clone(),
        chat: chat.to_owned(),
        from_me: Some(row.key.from_me),
        author: Some(row.key.author.clone()).filter(|author| !author.is_empty()),
    };
    let mut state = from_row(row)?;
    let reactions = std::mem::take(&mut state.reactions).into_iter().map(|(by, (at, emoji))| {
        let (message, at) = (Some(reference.clone()), Some(Instant::from_micros(at).into()));
        Event::Reaction(Reaction { message, by, emoji, at })
    });
    let reactions: Vec<Event> = reactions.collect();
    Ok(versions(&reference, state)?.into_iter().map(Event::Message).chain(reactions).collect())
}

fn versions(reference: &MessageReference, mut state: MessageState) -> StoreResult<Vec<Message>> {
    let newest = state.updated_at.map_or(0, Instant::micros);
    let author = state.details.get("author").cloned().map(|author| ("author", author));
    let author = author.or_else(|| state.sender.clone().map(|sender| ("sender", sender.into())));
    let mut versions = fields_by_version(&mut state, newest);
    // Part of the message's key, so that each event names it.
    if let (Some(_), Some((name, author))) = (&reference.author, author) {
        let fields = versions.iter_mut().map(|(_, fields)| fields);
        for fields in fields.filter(|fields| !AUTHOR.iter().any(|name| fields.contains_key(*name))) {
            fields.insert(name.to_owned(), author.clone());
        }
    }
    let (mut ack, mut delivery) = (state.ack, state.delivery);
    let message = |(version, fields): (i64, Map<String, Value>)| {
        let message = serde_json::from_value(Value::Object(fields)).map_err(Error::internal)?;
        let is_newest = version == newest;
        Ok(Message {
            id: reference.id.clone(),
            chat: reference.chat.clone(),
            from_me: state.from_me,
            timestamp: Some(state.sent_at.into()),
            updated_at: (version != 0).then(|| Instant::from_micros(version).into()),
            ack: ack.take_if(|_| is_newest).map(|ack| ack.to_string()),
            delivery_info: delivery.take_if(|_| is_newest).map(|delivery| Delivery {
                delivered: delivery.delivered,
                read: delivery.read,
                pending: delivery.pending.into_iter().collect(),
                failed_at: delivery.failed_at,
                failure_reason: delivery.failure_reason,
                ..Delivery::default()
            }),
            ..message
        })
    };
    versions.into_iter().map(message).collect()
}

/// The JSON of each version's fields, from which its event is read.
fn fields_by_version(state: &mut MessageState, newest: i64) -> Vec<(i64, Map<String, Value>)> {
    let times = std::mem::take(&mut state.field_times);
    let version_of = |field: &str| times.get(field).copied().unwrap_or(newest);
    let mut versions: BTreeMap<i64, Map<String, Value>> = BTreeMap::from([(newest, Map::new())]);
    let has_first = state.first_body.is_some();
    if let Some(first) = state.first_body.take() {
        versions.entry(0).or_default().insert("body".to_owned(), first.into());
    }
    // The text before the last edit: reported with the present or the first one, or in an event of its own.
    let mut own_event = None;
    if let Some(previous) = state.details.remove(PREV_BODY) {
        let (version, of_body) = (version_of(PREV_BODY), version_of("body"));
        let (version, name) = match version {
            _ if version + 1 == of_body || version < 0 => (version + 1, PREV_BODY),
            0 if has_first || of_body == 0 => (0, PREV_BODY),
            _ => (version, "body"),
        };
        let fields = Map::from_iter([(name.to_owned(), previous)]);
        if version == of_body && name == "body" && state.body.is_some() {
            own_event = Some((version, fields));
        } else {
            versions.entry(version).or_default().extend(fields);
        }
    }
    for (name, value) in std::mem::take(&mut state.details) {
        versions.entry(version_of(&name)).or_default().insert(name, value);
    }
    let columns = [
        ("sender", "sender_phone", state.sender.take()),
        ("type", "message_type", state.kind.take()),
        ("body", "body", state.body.take()),
    ];
    for (name, field, value) in columns {
        if let Some(value) = value {
            versions.entry(version_of(field)).or_default().insert(name.to_owned(), value.into());
        }
    }
    versions.into_iter().chain(own_event).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::SessionId;
    use crate::store::ingest::{MessageKey, SessionChatKey};

    #[test]
    fn each_field_is_in_the_event_of_its_version() {
        let chat = SessionChatKey { session: SessionId::generate(), chat_key: 1 };
        let row = Row {
            key: MessageKey { chat, id: "A".to_owned(), from_me: true, author: String::new() },
            sent_at: Instant::from_micros(7),
            updated_at: Some(Instant::from_micros(30)),
            ack: Some(-1),
            sender: None,
            kind: Some("chat".to_owned()),
            body: Some("edited".to_owned()),
            delivery: None,
            details: json!({"is_starred": true, "media_key": "k"}),
            field_times: Some(json!({"message_type": 0, "is_starred": 20})),
            first_body: None,
            reactions: None,
            silent: false,
            has_links: false,
        };
        let events = events("15550101001@c.us", row).unwrap();
        let versions = events.into_iter().map(|event| {
            let Event::Message(message) = event else { panic!("{event:?}") };
            message
        });
        let versions: Vec<Message> = versions.collect();
        let nanos: Vec<_> = versions.iter().map(|event| event.updated_at.map(|at| at.nanos)).collect();
        assert_eq!(nanos, [None, Some(20_000), Some(30_000)]);
        assert_eq!(versions[0].r#type.as_deref(), Some("chat"));
        assert_eq!((versions[1].is_starred, &versions[1].r#type), (Some(true), &None));
        let newest = &versions[2];
        assert_eq!((newest.body.as_deref(), newest.media_key.as_deref()), (Some("edited"), Some("k")));
        assert_eq!(newest.ack.as_deref(), Some("-1"));
    }
}
