//! What a sync finds does not undo what was changed here, nor miss what was changed on the phone.

use serde_json::{Value, json};

use super::ASHA;
use super::server::{Waha, text};
use super::service::{BASE, SECRET, Service, TIMEOUT, is_id};
use crate::support::until;

impl Service {
    /// Syncs once more. Another sync may still be running.
    async fn sync(&self) {
        let asked = switchboard::instant::Instant::now().millis();
        let path = format!("/api/v1/connections/{}:sync", self.id);
        self.manager.json("POST", path, "{}").await.expect(200);
        until("a sync has ended", async || {
            let sync = self.connection().await["sync"].clone();
            sync["startedAt"].as_i64() >= Some(asked) && sync["finishedAt"].is_i64()
        })
        .await;
    }

    /// The path of the chat in the session API.
    async fn path_of(&self, chat: &str) -> String {
        let session = self.connection().await["sessionId"].clone();
        format!("/api/v1/sessions/{}/chats/{chat}", session.as_str().expect("a session"))
    }
}

/// A connected server that lists one chat, after the first sync.
async fn with_one_chat() -> (Service, String) {
    let waha = Waha::start().await;
    waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", BASE));
    let flags = json!({ "pinned": false, "muteExpiration": 0 });
    let fields = flags.as_object().expect("fields").clone();
    waha.state().chats.get_mut(ASHA).and_then(Value::as_object_mut).expect("the chat").extend(fields);
    let service = Service::start(waha).await;
    service.synced(TIMEOUT).await;
    let path = service.path_of(ASHA).await;
    service.manager.get(&path).await.expect(200);
    service.sync().await;
    (service, path)
}

#[tokio::test]
async fn deleted_chat_that_is_listed_stays_deleted() {
    let (service, path) = with_one_chat().await;
    service.manager.delete(&path).await.expect(204);
    service.sync().await;
    service.manager.get(&path).await.expect(404);
    // A new message brings it back, and from then on its flags are listed again.
    let at = switchboard::instant::Instant::now().millis() / 1000 + 1;
    let live = text(&format!("false_{ASHA}_3EB0NEW"), "again", at);
    service.waha.state().add(live.clone());
    assert_eq!(service.webhook(SECRET, "evt_1", "message.any", live).await, 200);
    service.message(ASHA, is_id("3EB0NEW")).await;
    service.waha.state().chats.get_mut(ASHA).expect("the chat")["archived"] = true.into();
    service.sync().await;
    let shown = service.manager.get(&path).await.expect(200).json();
    assert_eq!(shown["archived"], true, "{shown}");
    let messages = service.manager.get(format!("{path}/messages")).await.expect(200).json();
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(1), "{messages}");
}

#[tokio::test]
async fn pin_and_mute_set_here_survive_a_sync() {
    let (service, path) = with_one_chat().await;
    let shown = async || {
        let chat = service.manager.get(&path).await.expect(200).json();
        (chat["pinned"].clone(), chat["mutedUntil"].clone())
    };
    let list = |pinned: bool, muted_until: i64| {
        let mut state = service.waha.state();
        let listed = state.chats.get_mut(ASHA).expect("the chat");
        listed["pinned"] = pinned.into();
        listed["muteExpiration"] = muted_until.into();
    };
    let until = 1_900_000_000_000_i64;
    service.manager.patch(&path, json!({ "pinned": true, "mutedUntil": until })).await.expect(200);
    service.sync().await;
    assert_eq!(shown().await, (json!(true), json!(until)));
    // On the phone it is pinned, then unpinned, and muted for longer.
    list(true, 0);
    service.sync().await;
    assert_eq!(shown().await, (json!(true), json!(until)));
    list(false, 1_950_000_000);
    service.sync().await;
    assert_eq!(shown().await, (json!(false), json!(1_950_000_000_000_i64)));
}

#[tokio::test]
async fn chat_unmarked_on_the_phone_is_read() {
    let (service, path) = with_one_chat().await;
    let unread = async || service.manager.get(&path).await.expect(200).json()["unreadCount"].clone();
    let list = |count: i64| {
        service.waha.state().chats.get_mut(ASHA).expect("the chat")["unreadCount"] = count.into();
    };
    assert_eq!(unread().await, 0);
    list(-1);
    service.sync().await;
    assert_eq!(unread().await, 1);
    list(0);
    service.sync().await;
    assert_eq!(unread().await, 0);
}
