//! Raw events as they are stored.

use serde_json::Value;

use super::gateway::RawEvent;
use crate::digest::sha256;
use crate::store::inbound_events::NewInboundEvent;

/// The longest key that is stored as it is, in bytes.
const MAX_KEY: usize = 200;

/// The event without U+0000, which PostgreSQL cannot store in texts.
pub(super) fn to_store(event: RawEvent) -> NewInboundEvent {
    let RawEvent { key, mut body, chat, .. } = event;
    remove_nul(&mut body);
    let key = match key.len() > MAX_KEY || key.contains('\0') {
        true => sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        false => key,
    };
    NewInboundEvent { key, chat: chat.replace('\0', ""), body: body.to_string() }
}

fn remove_nul(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => text.retain(|letter| letter != '\0'),
        Value::Array(items) => items.iter_mut().for_each(remove_nul),
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                let clean = std::mem::take(members).into_iter();
                *members = clean.map(|(key, value)| (key.replace('\0', ""), value)).collect();
            }
            members.values_mut().for_each(remove_nul);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn event_is_stored_without_nul_and_with_a_short_key() {
        let body = json!({"a\0": ["b\0c", {"d": "\\u0000"}]});
        let event = RawEvent {
            key: "k".repeat(300),
            body,
            chat: "1\0".to_owned(),
            account: None,
            business_account: None,
            files: Vec::new(),
        };
        let stored = to_store(event);
        assert_eq!(stored.body, json!({"a": ["bc", {"d": "\\u0000"}]}).to_string());
        assert_eq!((stored.key.len(), stored.chat.as_str()), (64, "1"));
    }
}
