//! Independent libraries: they read the webhooks of the goldens, and send messages that must be like ours.

use std::process::Command;

use bytes::Bytes;
use serde_json::Value;
use switchboard::actions::commands::Change;
use switchboard::connect::gateway::{ChatChange, OutgoingMessage};

use super::graph::{File, Graph, TOKEN};
use super::sends::{kinds, message, send, text};
use super::{gateway, quoted};
use crate::clients::must_be_ok;
use crate::support::{ROOT, clients, python_tool};

const GOLDENS: &str = "tests/data/cloud_api";

#[test]
fn pywa_reads_webhooks_as_we_do() {
    let mut python = python_tool("python");
    python.arg(clients().join("python/cloud_api.py")).arg(format!("{ROOT}/{GOLDENS}"));
    must_be_ok(&python.output().expect("python: run make test"));
}

#[tokio::test]
async fn kapso_reads_webhooks_and_sends_messages_as_we_do() {
    judge("node/cloud_api.mjs", 13).await;
}

#[tokio::test]
async fn whatsapp_api_js_reads_webhooks_and_sends_messages_as_we_do() {
    judge("node/whatsapp_api_js.mjs", 14).await;
}

/// Lets a program read the goldens and send that many messages, and compares those with ours.
async fn judge(program: &str, count: usize) {
    let (theirs, ours) = (Graph::start().await, Graph::start().await);
    for id in 50..56 {
        let mime_type = "application/octet-stream".to_owned();
        theirs.add_file(&id.to_string(), File { mime_type, bytes: Bytes::new(), url: None });
    }
    let mut node = Command::new("node");
    node.arg(clients().join(program)).env("TOKEN", TOKEN).env("GRAPH", theirs.url());
    node.env("GOLDENS", format!("{ROOT}/{GOLDENS}"));
    let output = tokio::task::spawn_blocking(move || node.output()).await.expect("no panic");
    must_be_ok(&output.expect("node: run make test"));

    let gateway = gateway(&ours);
    for (content, kind, _) in kinds() {
        send(&*gateway, &message("15550101844@c.us", content)).await.expect(kind);
    }
    let reply =
        OutgoingMessage { reply_to: Some(quoted("wamid.OLD")), ..message("US.1349@bsuid", text("hi")) };
    send(&*gateway, &reply).await.expect("a reply");
    let read = ChatChange { change: Change::Read(None), last_incoming: vec![quoted("wamid.NEW")] };
    gateway.change(&reply.chat, &read).await.expect("read");
    let ours: Vec<Value> =
        ours.calls("/messages").into_iter().map(|call| without_callback(call.json)).collect();
    let theirs = theirs.calls("/messages");
    assert_eq!(theirs.len(), count);
    for call in theirs {
        assert!(ours.contains(&call.json), "{} is not among {ours:#?}", call.json);
    }
}

/// The library adds no id of its own.
fn without_callback(mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.remove("biz_opaque_callback_data");
    }
    message
}
