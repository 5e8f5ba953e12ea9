//! The audit log of a chat.

use serde_json::{Value, json};
use switchboard::pb::ListChatAuditLogsRequest;

use crate::support::{Chat, Protocol, World};

fn logs_of(chat: &Chat, query: &str) -> String {
    format!("{}/audit-logs?{query}", chat.path)
}

fn logs(answer: &Value) -> Vec<(&str, &str, Value)> {
    let logs = answer["audit_logs"].as_array().expect("a list").iter();
    logs.map(|log| {
        (
            log["action"].as_str().unwrap_or_default(),
            log["performed_by"].as_str().unwrap_or_default(),
            log["changes"].clone(),
        )
    })
    .collect()
}

#[tokio::test]
async fn audit_log_lists_newest_change_first_with_actor_and_values() {
    let world = World::shared().await;
    let chat = world.chat("Audited").await;
    let email = &world.org.members[0];
    assert_eq!(world.rest().patch(&chat.path, json!({"assigned_to": email})).await.status, 200);
    assert_eq!(world.rest().patch(&chat.session_path, json!({"archived": true})).await.status, 200);

    let answer = world.rest().get(logs_of(&chat, "")).await.expect(200).json();
    let actor = format!("key:{}", world.org.key.split('_').nth(1).expect("a key id"));
    let found = logs(&answer);
    let archived = json!([{"field": "is_archived", "previous": false, "current": true}]);
    let assigned = json!([{"field": "assigned_to", "previous": null, "current": email}]);
    assert_eq!(found[0], ("state", actor.as_str(), archived));
    assert_eq!(found[1], ("assignee", actor.as_str(), assigned));
    assert!(found.iter().any(|(action, by, _)| (*action, *by) == ("attached", "connector")), "{found:?}");
    let newest = &answer["audit_logs"][0];
    assert_eq!(newest["chat_id"], chat.id);
    assert_eq!(newest["org_phone"], format!("{}@c.us", world.org.numbers[0]));
    assert_eq!(answer["audit_logs"][1]["org_phone"], Value::Null);

    let request = ListChatAuditLogsRequest { chat_id: chat.id.clone(), ..Default::default() };
    let response = world.grpc_chat().list_chat_audit_logs(request.clone()).await.expect("gRPC").into_inner();
    assert_eq!(response.audit_logs.len(), found.len());
    assert_eq!(response.audit_logs[0].action, "state");
    let path = "/switchboard.v1.ChatService/ListChatAuditLogs";
    let wire = crate::support::frame(&prost::Message::encode_to_vec(&request));
    let web = world.rpc(Protocol::GrpcWeb).call(path, wire).await;
    assert_eq!(web.code, Some(0), "{web:?}");
}

#[tokio::test]
async fn filters_and_pages_combine() {
    let world = World::shared().await;
    let chat = world.chat("Filtered").await;
    for archived in [true, false, true] {
        let answer = world.rest().patch(&chat.session_path, json!({"archived": archived})).await;
        assert_eq!(answer.status, 200);
    }
    let all = "action=state&start_time=2020-01-01&end_time=2100-01-01";
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        assert!(seen.len() < 4, "{seen:?}");
        let query = format!("{all}&limit=1&cursor={cursor}");
        let page = world.rest().get(logs_of(&chat, &query)).await.expect(200).json();
        seen.extend(logs(&page).into_iter().map(|(_, _, changes)| changes[0]["current"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, [json!(true), json!(false), json!(true)]);
    for nothing in ["performed_by=operator", "end_time=2020-01-01", "start_time=2100-01-01", "action=deleted"]
    {
        let answer = world.rest().get(logs_of(&chat, nothing)).await.expect(200).json();
        assert_eq!(answer, json!({"audit_logs": [], "next_cursor": null}), "{nothing}");
    }
}

#[tokio::test]
async fn invalid_audit_query_is_rejected() {
    let world = World::shared().await;
    let chat = world.chat("Rejected").await;
    for (query, field) in [
        ("action=renamed", "action"),
        ("start_time=yesterday", "start_time"),
        ("cursor=AAAA", "cursor"),
        ("performed_by=a%00b", "performed_by"),
    ] {
        let answer = world.rest().get(logs_of(&chat, query)).await.expect(422).json();
        assert!(answer["fields"][field].is_object(), "{query}: {answer}");
    }
    let missing = world.missing_chat_of(&world.org);
    assert_eq!(world.rest().get(logs_of(&missing, "")).await.status, 404);
}

#[tokio::test]
async fn limited_key_sees_changes_of_its_sessions_only() {
    let world = World::start().await;
    let chat = world.chat("Limited").await;
    let other =
        json!({"session": world.org.numbers[1], "chat": {"jid": chat.jid, "type": "dm", "pinned": true}});
    world.import(&world.org, &[other]);
    let key = |session: &str| {
        world.cli(&[
            "key",
            "create",
            "--org",
            &world.org.id,
            "--name",
            "limited",
            "--can",
            "read",
            "--session",
            session,
        ])
    };
    let second = world.rest().token(&key(&world.org.sessions[1]));
    let phone = format!("{}@c.us", world.org.numbers[1]);
    let seen = second.get(logs_of(&chat, "")).await.expect(200).json();
    let seen = seen["audit_logs"].as_array().expect("a list");
    assert!(
        !seen.is_empty() && seen.iter().all(|log| log["org_phone"].is_null() || log["org_phone"] == phone)
    );
    let unheld = world.chat("Unheld").await;
    assert_eq!(second.get(logs_of(&unheld, "")).await.status, 404);
    // The same with a selected number.
    let named = world.rest().with("x-phone", &world.org.numbers[1]);
    let named = named.get(logs_of(&chat, "")).await.expect(200).json();
    let named = named["audit_logs"].as_array().expect("a list");
    let is_of_number = |log: &&Value| log["org_phone"] == phone;
    assert_eq!(named.iter().filter(is_of_number).count(), seen.iter().filter(is_of_number).count());
}

#[tokio::test]
async fn limited_key_sees_nothing_older_than_the_attachment() {
    let world = World::start().await;
    let chat = world.chat("Older").await;
    let label = async |name: &str| {
        world.rest().patch(&chat, json!({"labels": name})).await.expect(200);
    };
    label("before").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let attached = json!({"session": world.org.numbers[1], "chat": {"jid": chat.jid, "type": "dm"}});
    world.import(&world.org, &[attached]);
    // Removes the first label, and adds the second one.
    label("after").await;
    let labels = async |key: &str| {
        let answer = world.rest().token(key).get(logs_of(&chat, "action=labels")).await.expect(200).json();
        answer["audit_logs"].as_array().expect("a list").len()
    };
    let [first, second] = [0, 1].map(|index| world.limited_key("read", &world.org.sessions[index..=index]));
    assert_eq!([labels(&world.org.key).await, labels(&first).await, labels(&second).await], [3, 3, 2]);
}

#[tokio::test]
async fn merged_chat_has_the_audit_log_of_both_chats() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let (lid, number) = ("189412345678@lid", &world.org.numbers[0]);
    let hidden = Chat { path: format!("/v1/chats/{lid}"), ..chat.clone() };
    world.import(&world.org, &[json!({"session": number, "chat": {"jid": lid, "name": "Hidden"}})]);
    world.rest().patch(&hidden.path, json!({"labels": "vip"})).await.expect(200);
    world.rest().patch(&chat.path, json!({"assigned_to": world.org.members[0]})).await.expect(200);
    world.import(&world.org, &[json!({"session": number, "address": {"lid": lid, "jid": chat.jid}})]);
    let by_phone = world.rest().get(logs_of(&chat, "")).await.expect(200).json();
    let done = logs(&by_phone);
    for kind in ["labels", "assignee"] {
        assert!(done.iter().any(|(action, ..)| *action == kind), "{kind} in {done:?}");
    }
    assert!(!done.iter().any(|(action, ..)| *action == "deleted"), "{done:?}");
    assert_eq!(world.rest().get(logs_of(&hidden, "")).await.expect(200).json(), by_phone);
}
