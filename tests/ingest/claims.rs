//! A key limited to some sessions gains nothing of a chat of other sessions by reporting that its own hold it, too.

mod webhooks;

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::ingest_request::Request;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse, ingest_json};
use tonic::Streaming;

use super::stream::connector::Connector;
use crate::support::{Chat, Rest, World};
use crate::watch::{next, next_change};

const KEYS: &str = "/api/v1/organization/api-keys";

/// The first session's chat with a label, an assignee and a note, which the key of the second session reports, too.
struct Claimed {
    world: World,
    chat: Chat,
    key: String,
    connector: Connector,
}

impl Claimed {
    async fn new() -> Self {
        Self::with("read,send,ingest").await
    }

    async fn with(capabilities: &str) -> Self {
        let world = World::start_with("127.0.0.1:0", &["--webhook-allow-loopback"]).await;
        let chat = world.chat("Asha Rao").await;
        let note = world.org.note.as_str();
        let shared = json!({"labels": "vip", "assigned_to": world.org.members[0], "custom_properties": {note: "secret"}});
        world.rest().patch(&chat, shared).await.expect(200);
        let key = world.limited_key(capabilities, &world.org.sessions[1..]);
        let (connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
        let mut claimed = Self { world, chat, key, connector };
        let report = json!({"chat": {"jid": claimed.chat.jid, "type": "dm"}});
        assert_eq!(claimed.report(1, report).await, Vec::<String>::new());
        claimed
    }

    fn caller(&self) -> Rest {
        self.world.anonymous().token(&self.key)
    }

    /// A caller with a key that the caller creates.
    async fn created(&self, caller: &Rest, key: &str) -> Rest {
        let made = caller.json("POST", KEYS, key.to_owned()).await.expect(201).json();
        self.world.anonymous().token(made["key"].as_str().expect("a key"))
    }

    /// Sends an event, of the second session unless it names another one. Returns the fields that are rejected.
    async fn report(&mut self, sequence: i64, event: Value) -> Vec<String> {
        let mut event = event;
        if event["session"].is_null() {
            event["session"] = json!(self.world.org.numbers[1]);
        }
        let mut event = ingest_json::read(event.to_string().as_bytes()).expect("an event");
        event.sequence = sequence;
        self.connector.send(Request::Event(event.encode_to_vec().into())).await;
        let acknowledged = self.connector.acknowledged(sequence).await.expect("acknowledged");
        acknowledged.into_iter().flat_map(|one| one.rejected).map(|one| one.field).collect()
    }

    fn message(&self, id: &str) -> Value {
        json!({"message": {"id": id, "chat": self.chat.jid, "fromMe": false, "body": "hello", "timestamp": 1_737_976_000_000_i64}})
    }

    async fn watch(&self) -> Streaming<WatchChatsResponse> {
        let channel = tonic::transport::Channel::from_shared(self.world.url()).expect("a URL").connect_lazy();
        let mut request = tonic::Request::new(WatchChatsRequest::default());
        let token = format!("Bearer {}", self.key).parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        let mut watch =
            ChatServiceClient::new(channel).watch_chats(request).await.expect("a watch").into_inner();
        assert_eq!(next(&mut watch).await.change, None);
        watch
    }
}

#[tokio::test]
async fn claimed_chat_shows_the_sessions_own_state_only() {
    let claimed = Claimed::new().await;
    let (caller, chat) = (claimed.caller(), &claimed.chat);
    let seen = caller.get(chat).await.expect(200).json();
    assert_eq!(seen["chat_id"], chat.id.as_str());
    let own = format!("{}@c.us", claimed.world.org.numbers[1]);
    for text in ["vip", "secret", "Asha", &claimed.world.org.members[0], &claimed.world.org.numbers[0]] {
        assert!(!seen.to_string().contains(text), "{text} in {seen}");
    }
    assert_eq!(seen["org_phone"], own.as_str(), "{seen}");
    let listed = caller.get("/v1/chats").await.expect(200).json();
    assert_eq!((&listed["count"], &listed["chats"][0]), (&json!(1), &seen));
    for filter in ["label=vip", "assigned_to=agent@acme.example", "assigned_to=none", "closed=false"] {
        let listed = caller.get(format!("/v1/chats?{filter}")).await.expect(200).json();
        assert_eq!(listed["count"], 0, "{filter}");
    }
    let log = caller.get(format!("/v1/chats/{}/audit-logs", chat.id)).await;
    assert!(log.status != 200 || !log.text().contains("vip"), "{}", log.text());
    let session = &claimed.world.org.sessions[1];
    let path = chat.session_path.replace(&claimed.world.org.sessions[0], session);
    let list = format!("/api/v1/sessions/{session}/chats");
    assert_eq!(caller.get(&path).await.expect(200).json()["name"], Value::Null);
    assert_eq!(caller.patch(&path, json!({"archived": true})).await.expect(200).json()["name"], Value::Null);
    assert_eq!(caller.get(&list).await.expect(200).json()["data"][0]["name"], Value::Null);
    assert_eq!(caller.get(format!("{list}?q=asha")).await.expect(200).json()["data"], json!([]));
    assert_eq!(caller.get("/v1/chats?query=asha").await.expect(200).json()["count"], 0);
    assert_eq!(claimed.world.rest().get(&path).await.expect(200).json()["name"], "Asha Rao");
}

#[tokio::test]
async fn joining_chats_gives_a_key_no_access_to_those_of_others() {
    let mut claimed = Claimed::new().await;
    let (caller, chat) = (claimed.caller(), claimed.chat.clone());
    let lid = "880000000000071@lid";
    let mut own = claimed.message("A");
    own["message"]["chat"] = json!(lid);
    assert!(claimed.report(2, own).await.is_empty());
    caller.patch(format!("/v1/chats/{lid}"), json!({"labels": "own"})).await.expect(200);
    assert!(claimed.report(3, json!({"address": {"lid": lid, "jid": chat.jid}})).await.is_empty());
    let seen = caller.get(&chat).await.expect(200).json();
    assert!(!seen.to_string().contains("vip"), "{seen}");
    caller.patch(&chat, json!({"labels": "mine"})).await.expect(403);
    // Under the name of a chat of its own.
    let own = claimed.world.missing_chat_of(&claimed.world.org);
    let other = claimed.world.chat("Other").await;
    claimed.world.rest().patch(&other, json!({"labels": "vip"})).await.expect(200);
    assert!(claimed.report(4, json!({"chat": {"jid": own.jid, "type": "dm"}})).await.is_empty());
    assert!(claimed.report(5, json!({"alias": {"jid": other.jid, "sameAs": own.jid}})).await.is_empty());
    let seen = caller.get(&own).await.expect(200).json();
    assert!(!seen.to_string().contains("vip"), "{seen}");
    // Two chats of others.
    let [one, two] = [claimed.world.chat("One").await, claimed.world.chat("Two").await];
    let join = json!({"alias": {"jid": one.jid, "sameAs": two.jid}});
    assert_eq!(claimed.report(6, join).await, ["alias"]);
    let held = claimed.world.rest().get(&one).await.expect(200).json();
    assert_eq!(held["chat_id"], one.id.as_str());
}

#[tokio::test]
async fn what_sessions_share_of_a_claimed_chat_stays() {
    let mut claimed = Claimed::new().await;
    let (jid, member) = ("120363000000000071@g.us", "15550101071@c.us");
    let group = json!({"session": claimed.world.org.numbers[0], "chat": {"jid": jid, "type": "group", "name": "Board",
        "members": [{"id": member}]}});
    claimed.world.import(&claimed.world.org, &[group]);
    let path = format!("/v1/chats/{jid}");
    let before = claimed.world.rest().get(&path).await.expect(200).json();
    let change = json!({"memberChange": {"chat": jid, "removed": [member], "at": 1_900_000_000_000_i64}});
    assert!(claimed.report(2, change.clone()).await.is_empty());
    let other = json!({"jid": jid, "name": "Mine", "image": "https://acme.example/x.png", "archived": true,
        "members": [{"id": "15550101072@c.us"}]});
    assert!(claimed.report(3, json!({ "chat": other })).await.is_empty());
    assert!(claimed.report(4, change).await.is_empty());
    let after =
        claimed.world.rest().with("x-phone", &claimed.world.org.numbers[0]).get(&path).await.expect(200);
    for field in ["chat_name", "chat_image", "members", "member_count", "updated_at", "is_archived"] {
        assert_eq!(after.json()[field], before[field], "{field}");
    }
    assert_eq!(claimed.caller().get(&path).await.expect(200).json()["is_archived"], true, "its own state");
}

#[tokio::test]
async fn claimed_chat_cannot_be_changed_for_other_sessions() {
    let mut claimed = Claimed::new().await;
    let before = claimed.world.rest().get(&claimed.chat).await.expect(200).json();
    let (caller, chat) = (claimed.caller(), claimed.chat.clone());
    for body in [json!({"labels": "mine"}), json!({"assigned_to": null})] {
        caller.patch(&chat, body).await.expect(403);
    }
    caller.send("POST", &format!("{}/close", chat.path), "").await.expect(403);
    caller.patch("/v1/chats/labels", json!({"labels": "mine", "chat_ids": [chat.id]})).await.expect(404);
    let access = json!({"access": {claimed.world.org.members[0].as_str(): false}, "chat_ids": [chat.id]});
    caller.patch("/v1/chats/access", access).await.expect(404);
    let inbox = json!({"inbox": {"chat": chat.jid, "labels": ["mine"]}});
    assert_eq!(claimed.report(2, inbox).await, ["inbox.chat"]);
    let after = claimed.world.rest().get(&chat).await.expect(200).json();
    for field in ["labels", "assigned_to", "custom_properties", "chat_access", "closed_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}

#[tokio::test]
async fn claimed_chat_has_no_events_of_other_sessions() {
    let mut claimed = Claimed::new().await;
    let mut watch = claimed.watch().await;
    claimed.world.rest().patch(&claimed.chat, json!({"labels": "later"})).await.expect(200);
    assert!(claimed.report(2, claimed.message("A")).await.is_empty());
    let change = next_change(&mut watch).await;
    assert_eq!(change.action, "messages", "{change:?}");
}

#[tokio::test]
async fn report_by_anything_else_ends_the_claim() {
    let claimed = Claimed::new().await;
    let mut line = claimed.message("A");
    line["session"] = json!(claimed.world.org.numbers[1]);
    claimed.world.import(&claimed.world.org, &[line]);
    let seen = claimed.caller().get(&claimed.chat).await.expect(200).json();
    assert_eq!(seen["labels"], json!(["vip"]), "{seen}");
    claimed.caller().patch(&claimed.chat, json!({"labels": "shared"})).await.expect(200);
}

#[tokio::test]
async fn chat_of_the_keys_own_sessions_is_no_claim() {
    let mut claimed = Claimed::new().await;
    let own = claimed.world.missing_chat_of(&claimed.world.org);
    assert!(
        claimed.report(2, json!({"chat": {"jid": own.jid, "type": "dm", "name": "Own"}})).await.is_empty()
    );
    claimed.caller().patch(&own, json!({"labels": "mine"})).await.expect(200);
    let inbox = json!({"inbox": {"chat": own.jid, "labels": ["also mine"]}});
    assert!(claimed.report(3, inbox).await.is_empty());
    let reader = claimed.world.limited_key("read", &claimed.world.org.sessions[1..]);
    let seen = claimed.world.anonymous().token(&reader).get(&claimed.chat).await.expect(200).json();
    assert_eq!(seen["labels"], json!(["vip"]), "a key that does not ingest has made up nothing: {seen}");
}
