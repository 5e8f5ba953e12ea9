//! The vendor's own client sends.

use std::process::Command;

use switchboard::pb::commands_request::outcome::Result as Reported;
use switchboard::pb::send_command::Content;

use super::{connector, world};
use crate::clients::must_be_ok;
use crate::support::clients;

#[tokio::test]
async fn official_client_sends_and_follows_messages() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let mut command = Command::new("node");
    command.arg(clients().join("node/sends.mjs")).env("SERVICE", world.url()).env("TOKEN", &world.org.key);
    command.env("PHONE", &world.org.numbers[0]).env("CHAT", &chat.id);
    let client = tokio::task::spawn_blocking(move || command.output().expect("node: run make test"));
    let mut connector = connector(&world, &key).await;
    let mut kinds = Vec::new();
    for _ in 0..6 {
        let send = connector.next().await;
        connector.report(&send, Reported::Accepted(String::new())).await;
        if let Some(Content::Media(media)) = &send.content {
            assert_eq!(
                (media.data.as_slice(), media.caption.as_deref()),
                (&b"%PDF-1.7"[..], Some("Our offer"))
            );
        }
        kinds.push(send.content.map(|content| std::mem::discriminant(&content)));
    }
    assert!(kinds.iter().enumerate().all(|(at, kind)| !kinds[..at].contains(kind)), "each kind once");
    must_be_ok(&client.await.expect("the client"));
}
