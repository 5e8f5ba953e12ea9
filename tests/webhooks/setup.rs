//! Managing webhooks: validation, permissions and the effect of changes.

use serde_json::{Value, json};

use super::{ROOT, change, create, deliveries, manager, wait_for, world};
use crate::webhooks::receiver::Receiver;

#[tokio::test]
async fn webhook_is_created_changed_and_deleted() {
    let world = world(&[]).await;
    let caller = manager(&world).await;
    let url = "https://hooks.acme.example/in?kind=chat";
    let body = json!({"url": url, "actions": ["state", "labels", "state"], "enabled": false});
    let (id, secret) = create(&caller, body).await;
    assert!(secret.len() == 70 && secret.starts_with("whsec_"), "{secret}");
    let path = format!("{ROOT}/{id}");
    let shown = caller.get(&path).await.expect(200);
    let mut webhook = shown.json();
    let expected = json!({
        "id": id, "url": url, "actions": ["labels", "state"], "sessionIds": [], "enabled": false,
        "createdAt": webhook["createdAt"], "failingSince": null, "disabledAt": null,
    });
    assert_eq!(webhook, expected);
    let sessions = json!([world.org.sessions[0]]);
    for (sent, field, value) in [
        (json!({}), "enabled", json!(false)),
        (json!({"actions": null}), "actions", json!([])),
        (json!({"sessionIds": sessions}), "sessionIds", sessions.clone()),
        (json!({"sessionIds": null}), "sessionIds", json!([])),
        (json!({"url": "https://other.acme.example/"}), "url", json!("https://other.acme.example/")),
    ] {
        webhook[field] = value;
        assert_eq!(caller.patch(&path, sent.clone()).await.expect(200).json(), webhook, "{sent}");
    }
    let stale = caller.with("if-match", shown.header("etag"));
    stale.patch(&path, json!({"enabled": true})).await.expect(412);
    let all = caller.get(ROOT).await.expect(200).json();
    assert!(all["data"].as_array().expect("an array").contains(&webhook), "{all}");
    caller.delete(&path).await.expect(204);
    caller.get(&path).await.expect(404);
}

#[tokio::test]
async fn invalid_webhook_is_rejected_with_its_field() {
    let world = world(&[]).await;
    let caller = manager(&world).await;
    let path = format!("{ROOT}/{}", world.org.webhook);
    let before = world.sql().fingerprint();
    for (body, field) in [
        (json!({"url": ""}), "url"),
        (json!({"url": "hooks.acme.example"}), "url"),
        (json!({"url": "https://user@hooks.acme.example/"}), "url"),
        (json!({"url": "https://hooks.acme.example/#in"}), "url"),
        (json!({"url": "https://hooks.acme.example/", "actions": ["nonsense"]}), "actions[0]"),
        (json!({"url": "https://hooks.acme.example/", "actions": ["chat.*", "labels.*"]}), "actions[1]"),
        (json!({"url": "https://hooks.acme.example/", "sessionIds": ["x"]}), "sessionIds[0]"),
        (
            json!({"url": "https://hooks.acme.example/", "sessionIds": [world.other.sessions[0]]}),
            "sessionIds",
        ),
    ] {
        for answer in
            [caller.json("POST", ROOT, body.to_string()).await, caller.patch(&path, body.clone()).await]
        {
            let rejected = answer.expect(422).json();
            assert!(!rejected["error"]["details"][field].is_null(), "{body}: {rejected}");
        }
    }
    for null in ["url", "enabled"] {
        caller.patch(&path, json!({null: null})).await.expect(422);
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn webhook_requires_read_access_to_its_sessions() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let non_reader = world.anonymous().token(&world.key("send,manage").await);
    let body = json!({"url": receiver.url()});
    let rejected = non_reader.json("POST", ROOT, body.to_string()).await.expect(403).json();
    assert_eq!(rejected["error"]["details"], json!({"required": "read"}));
    non_reader.get(format!("{ROOT}/{}/deliveries", world.org.webhook)).await.expect(403);

    let [own, other] = &world.org.sessions;
    let limited = world.anonymous().token(&world.limited_key("read,manage", std::slice::from_ref(own)));
    for sessions in [json!([]), json!([other]), json!([own, other])] {
        let body = json!({"url": receiver.url(), "sessionIds": sessions});
        limited.json("POST", ROOT, body.to_string()).await.expect(422);
        let (hidden, _) =
            create(&caller, json!({"url": "http://127.0.0.1:1/", "sessionIds": sessions})).await;
        limited.get(format!("{ROOT}/{hidden}")).await.expect(404);
        limited.get(format!("{ROOT}/{hidden}/deliveries")).await.expect(404);
        limited.patch(format!("{ROOT}/{hidden}"), json!({"url": receiver.url()})).await.expect(404);
        limited.delete(format!("{ROOT}/{hidden}")).await.expect(404);
        limited.json("POST", format!("{ROOT}/{hidden}/secret"), "").await.expect(404);
        limited.json("POST", format!("{ROOT}/{hidden}/replay"), "").await.expect(404);
    }
    let (mine, _) = create(&limited, json!({"url": receiver.url(), "sessionIds": [own]})).await;
    let listed = limited.get(ROOT).await.expect(200).json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    limited.patch(format!("{ROOT}/{mine}"), json!({"sessionIds": null})).await.expect(422);

    let foreign = world.chat_of(&world.other, "Theirs").await;
    let made =
        json!({"session": world.org.numbers[1], "chat": {"jid": "15550104444@s.whatsapp.net", "type": "dm"}});
    world.import(&world.org, &[made]);
    let chat = world.chat("Mine").await;
    change(&world, &chat, 2).await;
    receiver.until(|posts| posts.iter().filter(|post| post.json()["action"] == "state").count() == 2).await;
    let posts = receiver.posts();
    assert!(posts.iter().all(|post| post.is_of(&chat.jid) && !post.is_of(&foreign.jid)), "{posts:#?}");
}

#[tokio::test]
async fn webhook_for_fewer_sessions_loses_deliveries_of_the_others() {
    let world = world(&["--webhook-max-attempts", "1"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let (own, foreign) = (world.chat("Own").await, world.missing_chat_of(&world.org));
    let other = json!({"session": world.org.numbers[1], "chat": {"jid": foreign.jid, "type": "dm"}});
    world.import(&world.org, &[other]);
    receiver.answers(|_| 400);
    let (id, _) = create(&caller, json!({"url": receiver.url(), "actions": ["labels", "state"]})).await;
    let path = format!("{ROOT}/{id}");
    let of_other = foreign.session_path.replace(&world.org.sessions[0], &world.org.sessions[1]);
    for (chat, state) in [(&own, &own.session_path), (&foreign, &of_other)] {
        world.rest().patch(chat, json!({"labels": "vip"})).await.expect(200);
        world.rest().patch(state, json!({"archived": true})).await.expect(200);
    }
    wait_for(&caller, &id, "dead", 4).await;
    let limited = world.limited_key("read,manage", std::slice::from_ref(&world.org.sessions[0]));
    let limited = world.anonymous().token(&limited);
    limited.get(format!("{path}/deliveries")).await.expect(404);

    caller.patch(&path, json!({"sessionIds": [world.org.sessions[0]]})).await.expect(200);
    let seen = deliveries(&limited, &id, "").await;
    assert!(seen.len() == 2 && seen.iter().all(|one| one["event"]["jid"] == own.jid), "{seen:#?}");
    receiver.answers(|_| 200);
    limited.json("POST", format!("{path}/replay"), "").await.expect(200);
    let accepted = receiver.accepted(2).await;
    assert!(accepted.iter().all(|post| post.is_of(&own.jid)), "{accepted:#?}");
    let of_webhook = format!("webhook_deliveries WHERE webhook_id = '{id}'");
    assert_eq!(world.sql().count(&of_webhook), 2);
    // More sessions again, or none left out, delete nothing.
    caller.patch(&path, json!({"sessionIds": null})).await.expect(200);
    assert_eq!(world.sql().count(&of_webhook), 2);
}

#[tokio::test]
async fn rotated_secret_signs_the_next_delivery() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("A").await;
    let (id, first) = create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &chat, 1).await;
    super::assert_signed(&receiver.accepted(1).await[0], &first);
    let rotated = caller.json("POST", format!("{ROOT}/{id}/secret"), "").await.expect(200).json();
    let second = rotated["secret"].as_str().expect("a secret");
    assert_ne!(first, second);
    change(&world, &chat, 1).await;
    super::assert_signed(&receiver.accepted(2).await[1], second);
}

#[tokio::test]
async fn events_of_a_disabled_webhook_are_delivered_later() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("A").await;
    let (id, _) =
        create(&caller, json!({"url": receiver.url(), "actions": ["state"], "enabled": false})).await;
    change(&world, &chat, 3).await;
    assert_eq!(deliveries(&caller, &id, "").await, Vec::<Value>::new());
    caller.patch(format!("{ROOT}/{id}"), json!({"enabled": true})).await.expect(200);
    wait_for(&caller, &id, "delivered", 3).await;
    assert_eq!(receiver.posts().len(), 3);
}
