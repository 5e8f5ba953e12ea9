//! Every type of WhatsApp message, encoded by Baileys' own protobuf and sent as the engine NOWEB does.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::server::Waha;
use super::service::{SECRET, Service, TIMEOUT};
use crate::support::{clients, until};

/// What the program writes.
async fn noweb() -> Value {
    let mut node = Command::new("node");
    node.arg(clients().join("node/noweb.mjs"));
    let output = tokio::task::spawn_blocking(move || node.output()).await.expect("no panic");
    let output = output.expect("node: run make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn every_type_of_message_is_shown_as_whatsapp_does() {
    let cases = noweb().await;
    let list = |name: &str| cases[name].as_array().expect("a list").clone();
    let waha = Waha::start().await;
    waha.state().engine = "NOWEB";
    list("history").into_iter().for_each(|message| waha.state().add(message));
    let service = Service::start(waha).await;
    for (number, webhook) in list("webhooks").into_iter().enumerate() {
        let event = webhook["event"].as_str().expect("an event");
        let status =
            service.webhook(SECRET, &format!("evt_{number}"), event, webhook["payload"].clone()).await;
        assert_eq!(status, 200, "{webhook}");
    }
    let connection = service.synced(TIMEOUT).await;
    assert_eq!(connection["sync"]["error"], "", "{connection:#}");
    let id = &service.id;
    let received = format!("inbound_events WHERE connection_id = '{id}' AND state = 'received'");
    until("all events are mapped", async || service.world.sql().count(&received) == 0).await;
    let wrong = format!(
        "SELECT event_key, became, error FROM inbound_events \
         WHERE connection_id = '{id}' AND (state = 'failed' OR state = 'mapped' AND error IS NOT NULL)"
    );
    let mut problems: Vec<_> = service.world.sql().rows(&wrong).iter().map(Value::to_string).collect();
    let expected = cases["expected"].as_object().expect("chats");
    for (chat, messages) in expected {
        compare(chat, messages, &shown(&service, chat).await, &mut problems);
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
    let chats = service.manager.get("/v1/chats").await.expect(200).json();
    let chats = chats["chats"].as_array().expect("chats").iter();
    let mut ids: Vec<_> = chats.map(|chat| chat["chat_id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, expected.keys().collect::<Vec<_>>());
}

/// The messages of the chat, by WhatsApp's id.
async fn shown(service: &Service, chat: &str) -> BTreeMap<String, Value> {
    let page = service.manager.get(format!("/v1/chats/{chat}/messages")).await.expect(200).json();
    let messages = page["messages"].as_array().expect("messages").iter();
    let bare = |message: &Value| {
        message["message_id"].as_str().and_then(|id| id.split('_').nth(2)).expect("an id").to_owned()
    };
    messages.map(|message| (bare(message), message.clone())).collect()
}

/// Adds what differs from what was put into the protobuf.
fn compare(chat: &str, expected: &Value, shown: &BTreeMap<String, Value>, problems: &mut Vec<String>) {
    let expected = expected.as_object().expect("messages");
    for (id, case) in expected {
        let name = format!("{chat}: {}", case["name"].as_str().expect("a name"));
        let Some(message) = shown.get(id) else {
            problems.push(format!("{name}: no message"));
            continue;
        };
        for (field, value) in case["seen"].as_object().expect("fields") {
            let found = field_of(message, field);
            if found != *value {
                problems.push(format!("{name}: {field}: {found} and not {value}"));
            }
        }
        let text =
            json!([message["body"], message["message_type"], message["location"], message["poll_info"]]);
        if text.to_string().contains("internal-") {
            problems.push(format!("{name}: shows {text}"));
        }
    }
    for (id, message) in shown.iter().filter(|(id, _)| !expected.contains_key(*id)) {
        problems.push(format!("{chat}: {id} is no message: {} {}", message["message_type"], message["body"]));
    }
}

/// A field of a message, or of its file.
fn field_of(message: &Value, field: &str) -> Value {
    match field {
        "mimetype" | "filename" => message["media"][field].clone(),
        _ => message[field].clone(),
    }
}
