//! Splits a webhook into raw events: one for each item, because one request has up to 1,000 of them.

use serde_json::{Map, Value, json};

use super::fields::{items, phone, text};
use super::people::group;
use crate::connect::gateway::RawEvent;
use crate::digest::{hex, sha256};

/// Messages of a chat in one raw event of its history.
const THREAD_CHUNK: usize = 200;
/// The longest id that is not replaced by a hash, in bytes.
const MAX_ID: usize = 240;
/// Lists of items, each with the beginning of its keys.
const LISTS: [(&str, &str); 5] = [
    ("messages", "message"),
    ("message_echoes", "echo"),
    ("statuses", "status"),
    ("state_sync", "contact"),
    ("groups", "group"),
];

/// The raw events of a webhook. `account` is the connection's phone number id.
pub(super) fn split(webhook: &Value, account: &str) -> Vec<RawEvent> {
    let mut events = Vec::new();
    for entry in items(webhook, "entry") {
        for change in items(entry, "changes") {
            let before = events.len();
            split_change(change, account, &mut events);
            if events.len() == before {
                events.push(other(entry, change, account));
            }
        }
    }
    if events.is_empty() {
        events.push(raw("other", None, "", webhook.clone(), account));
    }
    events
}

fn split_change(change: &Value, account: &str, events: &mut Vec<RawEvent>) {
    let value = change.get("value").unwrap_or(&Value::Null);
    let field = text(change, "/field").unwrap_or_default();
    for (list, kind) in LISTS {
        for item in items(value, list) {
            let chat = chat(item);
            let mut one = Map::from_iter([(list.to_owned(), json!([item]))]);
            for name in ["metadata", "contacts"] {
                one.insert(name.to_owned(), shared(value, name, item));
            }
            events.push(raw(kind, key(item), &chat, json!({"field": field, "value": one}), account));
        }
    }
    for chunk in items(value, "history") {
        for thread in items(chunk, "threads") {
            for messages in items(thread, "messages").chunks(THREAD_CHUNK) {
                let mut part = thread.clone();
                part["messages"] = messages.into();
                let history = json!([{"metadata": chunk.get("metadata"), "threads": [part]}]);
                let value = json!({"metadata": value.get("metadata"), "history": history});
                let chat = text(thread, "/id").map(address);
                let body = json!({"field": field, "value": value});
                events.push(raw("history", None, &chat.unwrap_or_default(), body, account));
            }
        }
        if !items(chunk, "errors").is_empty() {
            let value = json!({"metadata": value.get("metadata"), "history": [chunk]});
            events.push(raw("history", None, "", json!({"field": field, "value": value}), account));
        }
    }
}

/// The metadata, or those contacts of the webhook that the item names.
fn shared(value: &Value, name: &str, item: &Value) -> Value {
    let shared = value.get(name).cloned().unwrap_or(Value::Null);
    let Value::Array(contacts) = shared else { return shared };
    let names = ["/from", "/from_user_id", "/to", "/to_user_id", "/recipient_id", "/recipient_user_id"];
    let named: Vec<_> = names.iter().filter_map(|name| text(item, name)).collect();
    let is_named = |contact: &Value| {
        let ids = ["/wa_id", "/user_id"].iter().filter_map(|id| text(contact, id));
        ids.into_iter().any(|id| named.contains(&id))
    };
    let of_member = text(item, "/recipient_participant_id").is_some();
    contacts.into_iter().filter(|contact| of_member || is_named(contact)).collect()
}

/// A change that has no list of items, such as one of the account.
fn other(entry: &Value, change: &Value, account: &str) -> RawEvent {
    let mut body = change.clone();
    if let Value::Object(fields) = &mut body {
        fields.insert("waba".to_owned(), entry.get("id").cloned().unwrap_or(Value::Null));
        fields.insert("time".to_owned(), entry.get("time").cloned().unwrap_or(Value::Null));
    }
    // The entry of an app that a business removed is that of the app's own business.
    let business = text(&body, "/value/waba_info/waba_id").or_else(|| text(entry, "/id")).map(str::to_owned);
    let event = raw("other", None, "", body, account);
    let is_of_number = text(&event.body, "/value/metadata/phone_number_id").is_some();
    RawEvent { business_account: business.filter(|_| !is_of_number), ..event }
}

/// A raw event. Without an id of Meta's, its key is a hash.
fn raw(kind: &str, id: Option<String>, chat: &str, body: Value, account: &str) -> RawEvent {
    let owner = text(&body, "/value/metadata/phone_number_id").filter(|owner| *owner != account);
    let owner = owner.map(str::to_owned);
    let hash = || hex(&sha256(body.to_string().as_bytes()));
    let id = id.filter(|id| id.len() <= MAX_ID).unwrap_or_else(hash);
    RawEvent {
        key: format!("{kind}/{id}"),
        body,
        chat: chat.to_owned(),
        account: owner,
        business_account: None,
        files: Vec::new(),
    }
}

/// What makes an item another one than those before: the same message may come as several types, such as a placeholder.
fn key(item: &Value) -> Option<String> {
    text(item, "/id")?;
    let members = ["/recipient_participant_id", "/recipient_participant_user_id"];
    let names = ["/id", "/type", "/status", "/timestamp"].into_iter().chain(members);
    let parts: Vec<_> = names.filter_map(|name| text(item, name)).collect();
    Some(parts.join("/"))
}

/// The chat of an item; empty if it has none.
fn chat(item: &Value) -> String {
    let is_group = text(item, "/recipient_type") == Some("group");
    let group_id = text(item, "/group_id").or_else(|| text(item, "/recipient_id").filter(|_| is_group));
    let people = ["/to", "/recipient_id", "/to_user_id", "/from", "/recipient_user_id", "/from_user_id"];
    let person = || {
        let names = people.iter().filter_map(|name| text(item, name));
        names.map(address).next()
    };
    let chat = group_id.and_then(|id| group(id).ok()).map(|group| group.as_str().to_owned());
    chat.or_else(person).unwrap_or_default()
}

/// The canonical spelling of a person's address; another text stays as it is.
fn address(name: &str) -> String {
    let address = phone(name).or_else(|| name.parse().ok());
    address.map_or_else(|| name.to_owned(), |address| address.as_str().to_owned())
}
