//! Chats that `chat_access` hides from members who log in.

mod replays;

use serde_json::{Value, json};
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::{Request, Streaming};

use super::logins::Frontend;
use super::samples::{Ids, SAMPLE_MESSAGE, request, rest, wire};
use crate::support::{Chat, Method, Protocol, Rest, World, methods, own_message, until};
use crate::watch;

const NOT_FOUND: i32 = 5;

const MEMBER: &str = "agent@acme.example";

/// A server with a member, whose token this is, and its callers.
struct Team {
    world: World,
    token: String,
    admin: String,
}

impl Team {
    async fn start() -> Self {
        let frontend = Frontend::new();
        let world = frontend.world().await;
        for (email, role) in [(MEMBER, "member"), ("head@acme.example", "admin")] {
            world.cli(&["member", "add", "--org", &world.org.id, "--email", email, "--role", role]);
        }
        let token = |email: &str, role: &str| frontend.token(&world.org.id, role, json!({"email": email}));
        // What the token claims does not matter.
        let (token, admin) = (token("Agent@acme.example", "admin"), token("head@acme.example", "admin"));
        let team = Self { world, token, admin };
        // A busy machine may answer the first calls with 503 before it has read the keys and the member.
        until("the member can log in", async || team.member().get("/v1/chats?limit=1").await.status == 200)
            .await;
        team
    }

    fn member(&self) -> Rest {
        self.world.anonymous().token(&self.token)
    }

    async fn set(&self, chat: &Chat, access: Value) {
        let body = json!({"chat_ids": [chat.id], "access": access});
        self.world.rest().patch("/v1/chats/access", body).await.expect(204);
    }

    /// A chat with a message, hidden from the member.
    async fn hidden(&self, name: &str) -> Chat {
        let chat = self.world.chat(name).await;
        let message = json!({"session": self.world.org.numbers[0], "message": {"id": format!("M{}", chat.digits),
            "chat": chat.jid, "fromMe": false, "body": "hidden words", "timestamp": 1_737_976_000_000_i64}});
        self.world.import(&self.world.org, &[message]);
        self.set(&chat, json!({MEMBER: false})).await;
        chat
    }
}

/// Whether the request of a method names a chat.
fn names_a_chat(method: &Method, ids: &Ids) -> bool {
    let text = request(method, ids).to_string();
    !method.streams()
        && text.contains(&ids.chat.digits)
        && matches!(method.capability.as_str(), "read" | "send")
}

#[tokio::test]
async fn hidden_chat_is_404_for_the_member_in_every_rpc() {
    let team = Team::start().await;
    let hidden = Ids::of(&team.world.org, team.hidden("Hidden").await);
    let before = team.world.sql().fingerprint();
    let named: Vec<_> = methods().into_iter().filter(|method| names_a_chat(method, &hidden)).collect();
    assert!(named.len() > 10, "{} RPCs", named.len());
    for method in &named {
        let body = request(method, &hidden);
        for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
            let caller = team.world.anonymous_rpc(protocol).token(&team.token);
            let answer = caller.call(&method.path, wire(method, &body)).await;
            assert_eq!(answer.code, Some(NOT_FOUND), "{}: {answer:?}", method.path);
        }
        for binding in &method.bindings {
            let (target, body) = rest(binding, &body);
            let answer = team.member().json(&binding.method, &target, body).await;
            assert_eq!(answer.status, 404, "{} {target}: {}", binding.method, answer.text());
        }
    }
    assert_eq!(team.world.sql().fingerprint(), before);
    // The same requests for a chat that the member may see.
    for method in &named {
        let org = &team.world.org;
        let shown = Ids::of(org, team.world.chat("Shown").await);
        let own = own_message(&org.id, &org.sessions[0], &shown.chat.id, SAMPLE_MESSAGE);
        team.world.sql().run_as(&org.id, &own);
        let caller = team.world.anonymous_rpc(Protocol::Grpc).token(&team.token);
        let answer = caller.call(&method.path, wire(method, &request(method, &shown))).await;
        assert_ne!(answer.code, Some(NOT_FOUND), "{}: {answer:?}", method.path);
    }
}

#[tokio::test]
async fn merge_with_a_hidden_chat_stays_hidden() {
    let team = Team::start().await;
    let (world, session) = (&team.world, &team.world.org.numbers[0]);
    for (number, (of_lid, of_phone)) in [(false, true), (true, false)].into_iter().enumerate() {
        let chat = world.chat("Asha").await;
        let lid = format!("18941239{number:04}@lid");
        world.import(&world.org, &[json!({"session": session, "chat": {"jid": lid}})]);
        for (id, access) in [(&lid, of_lid), (&chat.id, of_phone)] {
            let body = json!({"chat_ids": [id], "access": {MEMBER: access}});
            world.rest().patch("/v1/chats/access", body).await.expect(204);
        }
        world.import(&world.org, &[json!({"session": session, "address": {"lid": lid, "jid": chat.jid}})]);
        let shown = world.rest().get(&chat).await.expect(200).json();
        assert_eq!(shown["chat_access"], json!({MEMBER: false}), "{of_lid} and {of_phone}");
        for path in [chat.path.clone(), format!("/v1/chats/{lid}")] {
            team.member().get(path).await.expect(404);
        }
    }
    let changes = json!({format!("access.{MEMBER}"): [true, false]});
    let recorded = world.sql().count(&format!("events WHERE kind = 'access' AND changes = '{changes}'"));
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn only_an_entry_of_false_hides_and_only_from_that_member() {
    let team = Team::start().await;
    let chat = team.hidden("Hidden").await;
    for caller in [team.world.rest(), team.world.anonymous().token(&team.admin)] {
        caller.get(&chat).await.expect(200);
    }
    team.member().get(&chat).await.expect(404);
    team.set(&chat, json!({MEMBER: true})).await;
    team.member().get(&chat).await.expect(200);
    team.set(&chat, json!({MEMBER: false})).await;
    team.member().get(&chat).await.expect(404);
    let body = json!({"chat_ids": [chat.id], "access": {}, "replace": true});
    team.world.rest().patch("/v1/chats/access", body).await.expect(204);
    team.member().get(&chat).await.expect(200);
}

#[tokio::test]
async fn session_list_leaves_hidden_chats_out() {
    let team = Team::start().await;
    let (shown, hidden) = (team.world.chat("Shown").await, team.hidden("Hidden").await);
    let path = format!("/api/v1/sessions/{}/chats", team.world.org.sessions[0]);
    let listed = team.member().get(&path).await.expect(200).text();
    assert!(listed.contains(&shown.digits) && !listed.contains(&hidden.digits), "{listed}");
    let all = team.world.rest().get(&path).await.expect(200).text();
    assert!(all.contains(&hidden.digits), "{all}");
}

#[tokio::test]
async fn lists_leave_hidden_chats_out_and_do_not_count_them() {
    let team = Team::start().await;
    let (_shown, hidden) = (team.world.chat("Shown").await, team.hidden("Hidden").await);
    let (member, all) = (team.member(), team.world.rest());
    let selected = team.member().with("x-phone", &team.world.org.numbers[0]);
    for (path, key) in
        [("/v1/chats", "chats"), ("/v1/chats?chat_type=user", "chats"), ("/v1/chats/messages", "messages")]
    {
        let whole = all.get(path).await.expect(200).json();
        assert!(whole.to_string().contains(&hidden.digits), "{path}");
        for caller in [&member, &selected] {
            let page = caller.get(path).await.expect(200).json();
            assert!(!page.to_string().contains(&hidden.digits), "{path}: {page}");
            let items = page[key].as_array().map(Vec::len);
            assert_eq!(page["count"].as_u64(), items.map(|count| count as u64), "{path}");
        }
        let page = member.get(path).await.expect(200).json();
        assert_eq!(page["count"].as_u64(), whole["count"].as_u64().map(|count| count - 1), "{path}");
    }
}

#[tokio::test]
async fn searches_leave_hidden_chats_out() {
    let team = Team::start().await;
    let hidden = team.hidden("Hidden").await;
    let named = format!("/api/v1/sessions/{}/chats?q=Hidden", team.world.org.sessions[0]);
    for path in ["/v1/chats/messages:search?query=words", named.as_str()] {
        let all = team.world.rest().get(path).await.expect(200).text();
        assert!(all.contains(&hidden.digits), "{path}: {all}");
        let found = team.member().get(path).await.expect(200).text();
        assert!(!found.contains(&hidden.digits), "{path}: {found}");
    }
}

#[tokio::test]
async fn unique_id_names_the_message_of_a_chat_that_is_visible() {
    let team = Team::start().await;
    let chats = [team.world.chat("Hidden").await, team.world.chat("Shown").await];
    let react = json!({"reaction": "👍"}).to_string();
    for chat in &chats {
        let message = json!({"session": team.world.org.numbers[0], "message": {"id": "SAME", "chat": chat.jid,
            "fromMe": false, "body": "words", "timestamp": 1_737_976_000_000_i64}});
        team.world.import(&team.world.org, &[message]);
        let path = format!("/v1/message/false_{}_SAME/react", chat.id);
        team.world.rest().json("POST", path, react.clone()).await.expect(200);
    }
    let keyed = async || {
        let caller = team.member().with("idempotency-key", "same");
        caller.json("POST", "/v1/message/SAME/react", react.clone()).await
    };
    team.set(&chats[0], json!({MEMBER: false})).await;
    assert_eq!(team.member().get("/v1/message/SAME").await.expect(200).json()["chat_id"], chats[1].id);
    for _ in 0..2 {
        assert_eq!(keyed().await.expect(200).json()["chat_id"], chats[1].id);
    }
    team.set(&chats[1], json!({MEMBER: false})).await;
    team.member().get("/v1/message/SAME").await.expect(404);
    keyed().await.expect(404);
}

#[tokio::test]
async fn common_chats_leave_hidden_groups_out() {
    let team = Team::start().await;
    let chat = team.world.chat("Alice").await;
    let group = "120363300000000001@g.us";
    let made = json!({"session": team.world.org.numbers[0], "chat": {"jid": group, "type": "group", "name": "Team",
        "members": [{"id": chat.id}]}});
    team.world.import(&team.world.org, &[made]);
    let common = async |caller: Rest| {
        let shown = caller.get(&chat).await.expect(200).json();
        let listed = caller.get("/v1/chats?chat_type=user").await.expect(200).json();
        assert_eq!(listed["chats"][0]["common_chats"], shown["common_chats"]);
        shown["common_chats"].to_string().contains(group)
    };
    assert!(common(team.member()).await);
    let body = json!({"chat_ids": [group], "access": {MEMBER: false}});
    team.world.rest().patch("/v1/chats/access", body).await.expect(204);
    assert_eq!([common(team.member()).await, common(team.world.rest()).await], [false, true]);
}

async fn next_change(watch: &mut Streaming<WatchChatsResponse>) -> (String, String) {
    let change = watch::next_change(watch).await;
    (change.chat_id, change.action)
}

#[tokio::test]
async fn watch_leaves_hidden_chats_out() {
    let team = Team::start().await;
    let (hidden, deleted, shown) =
        (team.hidden("Hidden").await, team.hidden("Deleted").await, team.world.chat("Shown").await);
    let mut client = ChatServiceClient::connect(team.world.url()).await.expect("a connection");
    let mut request = Request::new(WatchChatsRequest::default());
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {}", team.token).parse().expect("a header"));
    let mut watch = client.watch_chats(request).await.expect("a watch").into_inner();
    assert!(watch::next(&mut watch).await.change.is_none());
    let rest = team.world.rest();
    rest.patch(&hidden, json!({"labels": "secret"})).await.expect(200);
    rest.delete(&deleted.session_path).await.expect(204);
    rest.patch(&shown, json!({"labels": "open"})).await.expect(200);
    assert_eq!(next_change(&mut watch).await, (shown.id.clone(), "labels".to_owned()));
    // From now on it is shown.
    team.set(&hidden, json!({MEMBER: true})).await;
    rest.patch(&hidden, json!({"labels": "open"})).await.expect(200);
    assert_eq!(next_change(&mut watch).await, (hidden.id.clone(), "access".to_owned()));
    assert_eq!(next_change(&mut watch).await, (hidden.id, "labels".to_owned()));
}
