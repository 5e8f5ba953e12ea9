//! Phone numbers of one person: answers name it by one of them, whenever they are joined.

use serde_json::{Value, json};

use super::super::TestOrg;
use super::{GROUP, message};
use crate::support::Cluster;

const NEW: &str = "15550101002@c.us";
const OLD: &str = "15550101003@c.us";

fn alias() -> Value {
    json!({"alias": {"jid": OLD, "sameAs": NEW}})
}

/// The only message as answers show it, after these events in the order given and with the alias at every place.
async fn shown_with_alias_anywhere(events: &[Value]) -> Vec<Value> {
    let database = Cluster::get().await.migrated_database().await;
    let mut shown = Vec::new();
    for place in 0..=events.len() {
        let inbox = TestOrg::on(&database).await;
        let mut events = events.to_vec();
        events.insert(place, alias());
        for event in &events {
            inbox.accept(std::slice::from_ref(event)).await;
        }
        shown.push(
            inbox.row("SELECT sender, delivery, details, reactions FROM message_views WHERE org_id = $org"),
        );
    }
    shown
}

#[tokio::test]
async fn sender_is_named_by_the_joined_number() {
    let mut of_chat = message(OLD, "A", 1);
    of_chat["message"]["sender"] = json!(OLD);
    let mut of_group = message(GROUP, "A", 1);
    of_group["message"]["author"] = json!(OLD);
    of_group["message"]["sender"] = json!(OLD);
    of_group["message"]["mentionedIds"] = json!([OLD]);
    for events in [vec![of_chat], vec![of_group]] {
        for shown in shown_with_alias_anywhere(&events).await {
            assert_eq!(shown["sender"], NEW, "{shown}");
            assert!(!shown.to_string().contains(OLD), "{shown}");
        }
    }
}

#[tokio::test]
async fn receipts_and_reactions_by_joined_numbers_count_once() {
    let mut message = message(GROUP, "A", 1);
    message["message"]["fromMe"] = json!(true);
    let reference = json!({"id": "A", "chat": GROUP});
    let receipt =
        |by: &str, at: i64| json!({"receipt": {"message": reference, "by": by, "kind": "read", "at": at}});
    let reaction = |by: &str, emoji: &str, at: i64| json!({"reaction": {"message": reference, "by": by, "emoji": emoji, "at": at}});
    let group = json!({"chat": {"jid": GROUP, "type": "group", "members": [{"id": OLD}], "updatedAt": 1000}});
    let events = [
        group,
        message,
        receipt(NEW, 3000),
        receipt(OLD, 2000),
        reaction(OLD, "a", 5000),
        reaction(NEW, "b", 4000),
    ];
    for shown in shown_with_alias_anywhere(&events).await {
        assert_eq!(shown["delivery"]["read"], json!({ NEW: 2000 }), "{shown}");
        assert_eq!(shown["reactions"], json!({ NEW: [5_000_000, "a"] }), "{shown}");
    }
}
