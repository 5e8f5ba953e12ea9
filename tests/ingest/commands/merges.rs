//! Chats with pending commands are merged.

use serde_json::{Value, json};
use switchboard::pb::command::{Change, Mute, Read};

use super::{Holder, changes, mark, message, patch, world};

#[tokio::test]
async fn pending_command_moves_to_the_merged_chat() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    let (lid, number) = ("189412349001@lid", &world.org.numbers[0]);
    world.import(&world.org, &[json!({"session": number, "chat": {"jid": lid}})]);
    let hidden = format!("/api/v1/sessions/{}/chats/{lid}", world.org.sessions[0]);
    let hide = async |body: Value| world.rest().patch(&hidden, body).await.expect(200);
    hide(json!({"archived": true})).await;
    patch(&world, &chat, json!({"archived": false})).await;
    patch(&world, &chat, json!({"pinned": false})).await;
    hide(json!({"pinned": true, "mutedUntil": 5000})).await;
    world.import(&world.org, &[json!({"session": number, "address": {"lid": lid, "jid": chat.jid}})]);
    let mut holder = Holder::open(&world.url(), &key, number).await;
    // The commands have the stored state: values of the phone number's chat are kept.
    let shown = world.rest().get(&chat.session_path).await.expect(200).json();
    assert_eq!(
        [&shown["archived"], &shown["pinned"], &shown["mutedUntil"]],
        [&json!(false), &json!(false), &json!(5000)]
    );
    let until = Some(prost_types::Timestamp { seconds: 5, nanos: 0 });
    let expected = [Change::Archived(false), Change::Pinned(false), Change::Mute(Mute { until })];
    assert_eq!(changes(&holder.take(3).await), expected.map(|change| (chat.jid.clone(), change)));
    assert!(holder.is_quiet().await);
}

#[tokio::test]
async fn pending_commands_of_merged_chats_have_the_stored_state() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    let (lid, number) = ("189412349002@lid", &world.org.numbers[0]);
    message(&world, lid, 5000);
    message(&world, &chat.jid, 9000);
    let hidden = format!("/api/v1/sessions/{}/chats/{lid}", world.org.sessions[0]);
    mark(&world, format!("{hidden}/read")).await;
    mark(&world, format!("{}/read", chat.session_path)).await;
    world
        .rest()
        .patch(&hidden, json!({"archived": true, "pinned": true, "mutedUntil": 5000}))
        .await
        .expect(200);
    // The connector reports that the phone number's chat is not pinned.
    for event in [
        json!({"session": number, "chat": {"jid": chat.jid, "pinned": false}}),
        json!({"session": number, "address": {"lid": lid, "jid": chat.jid}}),
    ] {
        world.import(&world.org, &[event]);
    }
    let shown = world.rest().get(&chat.session_path).await.expect(200).json();
    assert_eq!(
        [&shown["archived"], &shown["pinned"], &shown["mutedUntil"]],
        [&json!(true), &json!(false), &json!(5000)]
    );
    assert_eq!(shown["unreadCount"], 0);
    let mut holder = Holder::open(&world.url(), &key, number).await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let mut commands = changes(&holder.take(4).await);
    commands.sort_by_key(|(_, change)| format!("{change:?}"));
    let expected = [
        Change::Archived(true),
        Change::Mute(Mute { until: at(5) }),
        Change::Pinned(false),
        Change::Read(Read { up_to: at(9) }),
    ];
    assert_eq!(commands, expected.map(|change| (chat.jid.clone(), change)));
    assert!(holder.is_quiet().await);
}
