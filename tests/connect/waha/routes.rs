//! The routes of the fake WAHA server.

use std::sync::LazyLock;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::server::{Call, DROPPED, HALF, LARGE, PHONE, State};

/// A response that no client reads.
static TOO_LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b' '; 64 * 1024 * 1024 + 1].into());

/// Carries out a request.
pub fn answer(state: &mut State, call: &Call) -> (u16, Bytes) {
    let parts: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    if let Some(file) = state.files.get(&call.path) {
        return (200, file.clone());
    }
    let (status, body) = match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["api", "sessions", "default"]) => (200, session(state)),
        ("PUT", ["api", "sessions", "default"]) => {
            state.config = call.body["config"].clone();
            (200, session(state))
        }
        _ if state.status != "WORKING" => {
            let error = "Session status is not as expected. Try again later or restart the session";
            (
                422,
                json!({ "error": error, "session": "default", "status": state.status, "expected": ["WORKING"] }),
            )
        }
        ("POST", ["api", route]) if route.starts_with("send") && *route != "sendSeen" => send(state, call),
        ("POST", ["api", "sendSeen"]) => seen(state, call),
        ("PUT", ["api", "reaction"]) => react(state, call),
        ("GET", ["api", "contacts", "all"]) => (200, page(&state.contacts, call)),
        ("GET", ["api", "default", "lids"]) => (200, page(&state.lids, call)),
        ("GET", ["api", "default", "lids", lid]) => {
            let pair = state.lids.iter().find(|pair| pair["lid"] == *lid);
            (200, pair.cloned().unwrap_or(json!({ "lid": lid, "pn": null })))
        }
        ("GET", ["api", "default", "groups"]) => (200, page(&state.groups, call)),
        ("GET", ["api", "default", "groups", id, rest @ ..]) => group(state, id, rest),
        ("GET", ["api", "default", "chats"]) if state.broken.contains("chats") => (500, json!({})),
        ("GET", ["api", "default", "chats"]) => (200, page(state.chats.values(), call)),
        (_, ["api", "default", "chats", chat, rest @ ..]) => of_chat(state, call, chat, rest),
        _ => (404, json!({ "message": "no such route" })),
    };
    let body = body.to_string().replace(HALF, r"\ud83d");
    (status, if body.contains(LARGE) { TOO_LARGE.clone() } else { body.into() })
}

fn session(state: &State) -> Value {
    json!({
        "name": "default", "status": state.status, "config": state.config, "engine": { "engine": state.engine },
        "me": { "id": format!("{PHONE}@c.us"), "lid": "998877@lid", "pushName": "Shop" },
    })
}

fn number(call: &Call, name: &str) -> Option<usize> {
    call.query.get(name)?.parse().ok()
}

fn page<'v>(items: impl IntoIterator<Item = &'v Value>, call: &Call) -> Value {
    let (offset, limit) = (number(call, "offset").unwrap_or(0), number(call, "limit").unwrap_or(usize::MAX));
    items.into_iter().skip(offset).take(limit).cloned().collect()
}

fn group(state: &State, id: &str, rest: &[&str]) -> (u16, Value) {
    let Some(group) = state.groups.iter().find(|group| group["id"] == id) else { return (404, json!({})) };
    match rest {
        [] => (200, group.clone()),
        _ => (200, group["participants"].clone()),
    }
}

fn of_chat(state: &mut State, call: &Call, chat: &str, rest: &[&str]) -> (u16, Value) {
    match (call.method.as_str(), rest) {
        ("GET", ["messages"]) => {
            if state.crashes && state.broken.contains(chat) {
                state.broken.insert("chats".to_owned());
            }
            messages(state, call, chat)
        }
        ("GET", ["messages", id]) => match state.message(id) {
            Some(message) => (200, message.clone()),
            None => (404, json!({ "message": "no such message" })),
        },
        ("PUT", ["messages", id]) => match state.message(id) {
            Some(message) => {
                message["body"] = call.body["text"].clone();
                (200, json!({}))
            }
            None => (404, json!({})),
        },
        ("DELETE", ["messages", id]) => match state.message(id) {
            Some(message) => {
                message["_data"]["type"] = "revoked".into();
                (200, Value::Null)
            }
            None => (404, json!({})),
        },
        ("POST", ["archive" | "unarchive" | "unread"]) => {
            let Some(listed) = state.chats.get_mut(chat) else { return (404, json!({})) };
            match rest {
                ["unread"] => listed["unreadCount"] = (-1).into(),
                _ => listed["archived"] = (rest == ["archive"]).into(),
            }
            (201, json!({}))
        }
        _ => (404, json!({ "message": "no such route" })),
    }
}

fn messages(state: &State, call: &Call, chat: &str) -> (u16, Value) {
    if (chat == "all" && !state.has_all) || state.broken.contains(chat) {
        return (500, json!({ "message": "Internal server error" }));
    }
    let from = call.query.get("filter.timestamp.gte").and_then(|from| from.parse::<i64>().ok()).unwrap_or(0);
    let start = state.messages.partition_point(|message| message["timestamp"].as_i64() < Some(from));
    let is_in = |message: &&Value| {
        let of_chat = message["id"].as_str().and_then(|id| id.split('_').nth(1));
        chat == "all" || of_chat == Some(chat)
    };
    let found = state.messages[start..].iter().filter(is_in);
    let is_descending = call.query.get("sortOrder").is_some_and(|order| order == "desc");
    let listed = if is_descending { page(found.rev(), call) } else { page(found, call) };
    // GOWS cuts out the page first.
    let is_shown = |message: &Value| message["_data"]["type"] != DROPPED;
    (200, listed.as_array().into_iter().flatten().filter(|message| is_shown(message)).cloned().collect())
}

/// Sends a message. An engine that keeps ids sends a known one no second time.
fn send(state: &mut State, call: &Call) -> (u16, Value) {
    let body = &call.body;
    let (Some(chat), "default") = (body["chatId"].as_str(), body["session"].as_str().unwrap_or_default())
    else {
        return (400, json!({ "message": ["chatId must be a string"] }));
    };
    let given = body["id"].as_str().filter(|_| matches!(state.engine, "GOWS" | "NOWEB"));
    let id = given.map_or_else(|| format!("3EB0FAKE{:04}", state.sent.len()), str::to_owned);
    let complete = format!("true_{chat}_{id}");
    if state.message(&id).is_none() {
        state.sent.push((id.clone(), body.clone()));
        let at = switchboard::instant::Instant::now().millis() / 1000;
        let mut message = super::server::text(&complete, body["text"].as_str().unwrap_or_default(), at);
        message["source"] = "api".into();
        state.add(message.clone());
    }
    (201, json!({ "id": complete, "timestamp": 1, "_data": {} }))
}

fn seen(state: &mut State, call: &Call) -> (u16, Value) {
    let chat = call.body["chatId"].as_str().unwrap_or_default();
    match state.chats.get_mut(chat) {
        Some(listed) => {
            listed["unreadCount"] = 0.into();
            (201, json!({}))
        }
        None => (404, json!({})),
    }
}

fn react(state: &mut State, call: &Call) -> (u16, Value) {
    debug_assert_eq!(call.method, Method::PUT);
    let id = call.body["messageId"].as_str().unwrap_or_default().to_owned();
    let emoji = call.body["reaction"].clone();
    match state.message(&id) {
        Some(message) => {
            let at = switchboard::instant::Instant::now().millis();
            message["_data"]["reactions"] =
                json!([{ "key": { "fromMe": true }, "text": emoji, "senderTimestampMs": at }]);
            (200, json!({ "id": format!("{id}R") }))
        }
        None => (404, json!({})),
    }
}
