//! Messages told again: one event for each version that something of a message was last said in.

use std::collections::BTreeMap;

use crate::actions::ingest::event::{DeliveryInfo, MessageEvent};
use crate::actions::ingest::messages::from_row;
use crate::error::Error;
use crate::instant::Instant;
use crate::store::StoreResult;
use crate::store::ingest::Message;

/// The events that a message comes from: those with older versions first.
pub(super) fn events(chat: &str, row: Message) -> StoreResult<Vec<MessageEvent>> {
    let id = row.key.id.clone();
    let state = from_row(row)?;
    let newest = state.updated_at.map_or(0, Instant::micros);
    let mut versions = Versions {
        bare: MessageEvent::new(id, chat, state.from_me, state.sent_at),
        newest,
        older: state.field_times,
        events: BTreeMap::new(),
    };
    let whole = versions.at(newest);
    whole.ack = state.ack.map(|ack| ack.to_string());
    whole.delivery_info = state.delivery.map(|delivery| DeliveryInfo {
        delivered: delivery.delivered,
        read: delivery.read,
        pending: delivery.pending.into_iter().collect(),
        ..DeliveryInfo::default()
    });
    versions.of("sender_phone").sender = state.sender;
    versions.of("message_type").kind = state.kind;
    versions.of("body").body = state.body;
    for (name, value) in state.details {
        versions.of(&name).give_detail(&name, value).map_err(Error::internal)?;
    }
    Ok(versions.events.into_values().collect())
}

struct Versions {
    /// What every event about the message says.
    bare: MessageEvent,
    newest: i64,
    /// Of the fields that were last said before.
    older: BTreeMap<String, i64>,
    events: BTreeMap<i64, MessageEvent>,
}

impl Versions {
    /// The event that says a field. One without a value gets none, whichever it is.
    fn of(&mut self, field: &str) -> &mut MessageEvent {
        let version = self.older.get(field).copied().unwrap_or(self.newest);
        self.at(version)
    }

    fn at(&mut self, version: i64) -> &mut MessageEvent {
        self.events.entry(version).or_insert_with(|| MessageEvent {
            updated_at: (version != 0).then(|| Instant::from_micros(version)),
            ..self.bare.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::SessionId;
    use crate::store::ingest::{MessageKey, SessionChatKey};

    #[test]
    fn each_field_is_said_in_the_version_it_was_last_said_in() {
        let chat = SessionChatKey { session: SessionId::generate(), chat_key: 1 };
        let row = Message {
            key: MessageKey { chat, id: "A".to_owned() },
            sent_at: Instant::from_micros(7),
            updated_at: Some(Instant::from_micros(30)),
            ack: Some(-1),
            from_me: true,
            sender: None,
            kind: Some("chat".to_owned()),
            body: Some("edited".to_owned()),
            delivery: None,
            details: json!({"is_starred": true, "media_key": "k"}),
            field_times: Some(json!({"message_type": 0, "is_starred": 20})),
        };
        let told = events("15550101001@c.us", row).unwrap();
        let versions: Vec<_> = told.iter().map(|event| event.updated_at.map(Instant::micros)).collect();
        assert_eq!(versions, [None, Some(20), Some(30)]);
        assert_eq!(told[0].kind.as_deref(), Some("chat"));
        assert_eq!((told[1].is_starred, &told[1].kind), (Some(true), &None));
        assert_eq!((told[2].body.as_deref(), told[2].media_key.as_deref()), (Some("edited"), Some("k")));
        assert_eq!(told[2].ack.as_deref(), Some("-1"));
    }
}
