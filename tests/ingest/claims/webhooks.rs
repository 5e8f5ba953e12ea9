//! Webhooks and other readers of a chat that a key claims.

use serde_json::json;

use super::Claimed;
use crate::ingest::stream::connector::Connector;
use crate::support::World;
use crate::watch::next_change;
use crate::webhooks::receiver::{Post, Receiver};

const HOOKS: &str = "/api/v1/organization/webhooks";

#[tokio::test]
async fn keys_and_webhooks_made_with_a_claiming_key_share_its_claims() {
    let mut claimed = Claimed::with("read,send,ingest,manage").await;
    let caller = claimed.caller();
    let sessions = json!(claimed.world.org.sessions[1..]);
    let key =
        json!({"name": "Reader", "capabilities": ["read", "manage"], "sessionIds": sessions}).to_string();
    let first = claimed.created(&caller, &key).await;
    let second = claimed.created(&first, &key).await;
    let receiver = Receiver::start().await;
    let hook = json!({"url": receiver.url(), "sessionIds": sessions}).to_string();
    let manager = claimed.world.anonymous().token(&claimed.world.key("read,manage").await);
    let made = manager.json("POST", HOOKS, hook.clone()).await.expect(201).json();
    let made = made["webhook"]["id"].as_str().expect("an id");
    let readers = [caller, first, second];
    for reader in &readers {
        let seen = reader.get(&claimed.chat).await.expect(200).json();
        assert!(!seen.to_string().contains("vip"), "{seen}");
        reader.json("POST", HOOKS, hook.clone()).await.expect(201);
        assert!(!reader.get(HOOKS).await.expect(200).text().contains(made));
        reader.get(format!("{HOOKS}/{made}/deliveries")).await.expect(404);
        reader.patch(format!("{HOOKS}/{made}"), json!({"enabled": false})).await.expect(404);
    }
    claimed.world.rest().patch(&claimed.chat, json!({"labels": "later"})).await.expect(200);
    assert!(claimed.report(2, claimed.message("A")).await.is_empty());
    let count =
        |posts: &[Post], action: &str| posts.iter().filter(|post| post.json()["action"] == action).count();
    receiver.until(|posts| count(posts, "messages") == 4 && count(posts, "labels") > 0).await;
    let deliveries = format!("{HOOKS}/{made}/deliveries");
    assert!(manager.get(&deliveries).await.expect(200).text().contains("later"));
    for reader in &readers {
        reader.get(&deliveries).await.expect(404);
    }
    let of_labels = |post: &&Post| post.json()["action"] == "labels";
    for post in receiver.posts().iter().filter(of_labels) {
        assert_eq!(
            post.header("x-switchboard-webhook"),
            made,
            "the others were created with the claiming key"
        );
    }
}

#[tokio::test]
async fn claim_in_one_session_hides_no_events_of_a_chat_of_another() {
    const THIRD: &str = "15550100477";
    let world = World::start_with("127.0.0.1:0", &["--webhook-allow-loopback"]).await;
    let chat = world.chat("Asha Rao").await;
    let held = json!({"session": world.org.numbers[1], "chat": {"jid": chat.jid, "type": "dm"}});
    world.import(&world.org, &[held]);
    let third = world.cli(&["session", "create", "--org", &world.org.id, "--phone", THIRD]);
    let sessions = [world.org.sessions[1].clone(), third.trim().to_owned()];
    let key = world.limited_key("read,send,ingest,manage", &sessions);
    let (connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let mut claimed = Claimed { world, chat, key, connector };
    let report = json!({"session": THIRD, "chat": {"jid": claimed.chat.jid, "type": "dm"}});
    assert!(claimed.report(1, report).await.is_empty());
    assert_eq!(claimed.world.sql().count("session_chats WHERE claimed_by IS NOT NULL"), 1);
    let mut watch = claimed.watch().await;
    let one = json!({"name": "One", "capabilities": ["read", "manage"], "sessionIds": &sessions[..1]});
    let claim = json!({"name": "Claim", "capabilities": ["read", "manage"], "sessionIds": &sessions[1..]});
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let callers = [
        (claimed.caller(), &sessions[..]),
        (claimed.created(&claimed.caller(), &one.to_string()).await, &sessions[..1]),
        (claimed.created(&claimed.caller(), &claim.to_string()).await, &sessions[1..]),
    ];
    for ((caller, sessions), receiver) in callers.iter().zip(&receivers) {
        let hook = json!({"url": receiver.url(), "sessionIds": sessions, "actions": ["labels", "state"]});
        caller.json("POST", HOOKS, hook.to_string()).await.expect(201);
    }
    claimed.world.rest().patch(&claimed.chat, json!({"labels": "later"})).await.expect(200);
    assert_eq!(next_change(&mut watch).await.action, "labels");
    for receiver in &receivers[..2] {
        assert_eq!(receiver.accepted(1).await[0].json()["action"], "labels");
    }
    let path = claimed.chat.session_path.replace(&claimed.world.org.sessions[0], &sessions[1]);
    claimed.world.rest().patch(path, json!({"archived": true})).await.expect(200);
    assert_eq!(
        receivers[2].accepted(1).await[0].json()["action"],
        "state",
        "the other event is of a claimed chat"
    );
}
