//! The responses of all GET routes for an organization.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::TestOrg;
use crate::support::{Rest, Server, methods};

/// Routes for data that is not exported: secrets and history.
const NOT_EXPORTED: [&str; 9] = [
    "/api/v1/caller",
    "/api/v1/connections",
    "/api/v1/connections/{connection_id}",
    "/api/v1/connections/{connection_id}/events",
    "/api/v1/organization/api-keys",
    "/api/v1/organization/webhooks",
    "/api/v1/organization/webhooks/{webhook_id}",
    "/api/v1/organization/webhooks/{webhook_id}/deliveries",
    "/v1/chats/{chat_id}/audit-logs",
];

/// Query strings for list routes, beside none.
const QUERIES: [(&str, &[&str]); 4] = [
    (
        "/v1/chats",
        &["unread=true", "chat_type=group", "chat_type=business", "label=vip", "end_time=2025-06-01"],
    ),
    ("/v1/chats/messages", &["end_time=2025-06-01"]),
    (
        "/api/v1/sessions/{session_id}/chats",
        &[
            "archived=true",
            "pinned=true",
            "muted=true",
            "unread=true",
            "unread=false",
            "type=group",
            "q=asha",
        ],
    ),
    (
        "/v1/chats/messages:search",
        &[
            "query=order&order_by=timestamp%20desc",
            "query=invoice&from_me=true",
            "query=it&chat_id=15550107001",
        ],
    ),
];

/// The response of every GET route for every resource, by path.
pub async fn answers(server: &Server, inbox: &TestOrg) -> BTreeMap<String, Value> {
    let org = inbox.org.to_string();
    let key = inbox.database.create_key(&org, "read,manage", &[]);
    let rest = Rest::new(server.address).token(&key);
    let mut responses = BTreeMap::new();
    for path in paths(inbox) {
        responses.insert(path.clone(), whole(&rest, &path, &org).await);
    }
    responses
}

fn paths(inbox: &TestOrg) -> BTreeSet<String> {
    let column = |query: &str| -> Vec<String> {
        inbox.rows(query).iter().map(|row| row["it"].as_str().expect("a text").to_owned()).collect()
    };
    let sessions = column("SELECT session_id AS it FROM sessions WHERE org_id = $org ORDER BY 1");
    let addresses = column("SELECT address AS it FROM chat_addresses WHERE org_id = $org ORDER BY 1");
    let chats = column("SELECT chat_id AS it FROM chats WHERE org_id = $org ORDER BY 1");
    let notes = column("SELECT note_id AS it FROM notes WHERE org_id = $org ORDER BY 1");
    let mut paths: BTreeSet<String> = notes.iter().map(|note| format!("/v1/note/{note}")).collect();
    assert!(!paths.is_empty(), "no notes");
    for method in methods().iter().filter(|method| !method.streams()) {
        for binding in method.bindings.iter().filter(|binding| binding.method == "GET") {
            let template = binding.template.as_str();
            if NOT_EXPORTED.contains(&template) || template == "/v1/note/{note_id}" {
                continue;
            }
            let queries = QUERIES.iter().find(|(route, _)| *route == template).map(|(_, queries)| *queries);
            for path in filled(template, &sessions, &addresses, &chats) {
                if !template.ends_with(":search") {
                    paths.insert(path.clone());
                }
                paths.extend(queries.unwrap_or_default().iter().map(|query| format!("{path}?{query}")));
            }
        }
    }
    paths
}

/// The paths of a template for all resources. A template with a new variable must be added here.
fn filled(template: &str, sessions: &[String], addresses: &[String], chats: &[String]) -> Vec<String> {
    let mut paths = vec![template.replace("{message_id}", "E1")];
    // Single chats by every address, message lists by the chat's own address only.
    let ids = if template.ends_with("/messages") { chats } else { addresses };
    // All special chats, and a sample of the demo's chats, which are alike.
    let is_demo = |id: &&String| id.starts_with("155501") && !id.starts_with("1555010700");
    let (demo, special): (Vec<&String>, Vec<&String>) = ids.iter().partition(is_demo);
    let ids = &special.into_iter().chain(demo.into_iter().step_by(9)).cloned().collect::<Vec<_>>();
    for (place, values) in [("{session_id}", sessions), ("{chat_id}", ids), ("{jid}", ids)] {
        if template.contains(place) {
            let each =
                paths.iter().flat_map(|path| values.iter().map(move |value| path.replace(place, value)));
            paths = each.collect();
        }
    }
    assert!(!paths[0].contains('{'), "what is to stand in {template}?");
    paths
}

/// All pages of a response as one, without values that the service generates.
async fn whole(rest: &Rest, path: &str, org: &str) -> Value {
    let (mut whole, mut cursor) = (Value::Null, String::new());
    loop {
        let page = match cursor.as_str() {
            "" => rest.get(path).await,
            cursor => {
                rest.get(format!("{path}{}cursor={cursor}", if path.contains('?') { '&' } else { '?' })).await
            }
        };
        let mut page = Value::Array(vec![page.status.into(), page.json()]);
        cursor = page[1]["nextCursor"].as_str().unwrap_or_default().to_owned();
        if let Some(fields) = page[1].as_object_mut() {
            fields.remove("nextCursor");
        }
        redact(&mut page, org);
        match (&mut whole, page) {
            (Value::Null, page) => whole = page,
            (whole, mut page) => {
                let more = page[1]["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
                whole[1]["data"].as_array_mut().expect("a list").extend(more);
            }
        }
        if cursor.is_empty() {
            if let Some(items) = whole[1].get_mut("data").and_then(Value::as_array_mut) {
                // Chats without messages are ordered by generated keys.
                items.sort_by_key(Value::to_string);
            }
            return whole;
        }
    }
}

fn redact(value: &mut Value, org: &str) {
    match value {
        Value::String(text) => *text = text.replace(org, "the organization"),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, org)),
        Value::Object(fields) => {
            let is_session = fields.contains_key("lastConnectedAt");
            for (name, value) in fields {
                // Generated: the key of a session's chat, and the time of a session's last change.
                if (name == "id" && value.is_number()) || (name == "updatedAt" && is_session) {
                    *value = Value::Null;
                }
                redact(value, org);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
