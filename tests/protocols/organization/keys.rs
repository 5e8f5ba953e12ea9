//! Api-keys: creating, listing and revoking them.

use serde_json::{Value, json};

use super::{delete, error_of, manager, post};
use crate::support::{Rest, World};

#[tokio::test]
async fn key_is_created_used_and_revoked() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let chat = world.chat("Alice").await;
    let far = 4_000_000_000_000_u64;
    let new = json!({
        "name": " bot ", "capabilities": ["send", "read", "read"], "expiresAt": far,
        "sessionIds": [world.org.sessions[1], world.org.sessions[0], world.org.sessions[0]],
    });
    let made = post(&caller, "/api-keys", new).await.expect(201).json();
    let (id, key) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    assert!(key.starts_with(&format!("sb_{id}_")), "{made}");
    let mut sessions = world.org.sessions.to_vec();
    sessions.sort();
    let expected = json!({
        "id": id, "name": "bot", "capabilities": ["read", "send"], "sessionIds": sessions, "expiresAt": far,
        "revokedAt": null, "createdAt": made["createdAt"], "key": key,
        "createdBy": made["createdBy"],
    });
    assert_eq!(made, expected);
    assert!(made["createdAt"].is_u64());

    let bot = world.anonymous().token(key);
    bot.patch(&chat, json!({"labels": "by bot"})).await.expect(200);
    let secret = key.rsplit('_').next().expect("a secret");
    assert_eq!(error_of(delete(&bot, "/api-keys/aaaaaaaaaaaa").await, 403).0, "forbidden");
    assert!(!world.log().contains(secret), "the secret is logged");
    let stored = world.sql().rows("SELECT * FROM api_keys");
    assert!(!json!(stored).to_string().contains(secret), "the secret is stored");

    let path = format!("/api-keys/{id}");
    assert!(delete(&caller, &path).await.expect(204).body.is_empty());
    let revoked_at = || world.sql().value(&format!("SELECT revoked_at FROM api_keys WHERE key_id = '{id}'"));
    let first = revoked_at();
    assert!(first.is_string());
    delete(&caller, &path).await.expect(204);
    assert_eq!(revoked_at(), first, "revoking again changes nothing");
    assert_eq!(error_of(delete(&caller, "/api-keys/aaaaaaaaaaaa").await, 404).0, "not_found");
    assert_eq!(error_of(delete(&caller, "/api-keys/x").await, 422).1.as_deref(), Some("keyId"));
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    bot.get(&chat).await.expect(401);
}

#[tokio::test]
async fn replayed_response_of_create_has_no_key() {
    let world = World::start().await;
    let caller = manager(&world).await.with("idempotency-key", "one-bot");
    let new = json!({"name": "bot", "capabilities": ["read"]});
    let first = post(&caller, "/api-keys", new.clone()).await.expect(201).json();
    let mut again = post(&caller, "/api-keys", new).await.expect(201).json();
    assert_eq!(again["key"], Value::Null);
    again["key"] = first["key"].clone();
    assert_eq!(again, first);
    let kept = world.sql().value("SELECT encode(response, 'escape') FROM idempotency_keys");
    let kept = kept.as_str().expect("an answer");
    let secret = first["key"].as_str().and_then(|key| key.rsplit('_').next()).expect("a secret");
    assert!(kept.contains("bot") && !kept.contains(secret), "{kept}");
}

#[tokio::test]
async fn key_without_expiry_and_sessions_is_unlimited() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let new = json!({"name": "all", "capabilities": ["read"]});
    let made = post(&caller, "/api-keys", new).await.expect(201).json();
    assert_eq!((&made["sessionIds"], &made["expiresAt"]), (&json!([]), &Value::Null));
    world
        .anonymous()
        .token(made["key"].as_str().expect("a key"))
        .get(world.chat("Alice").await)
        .await
        .expect(200);
}

#[tokio::test]
async fn create_key_with_invalid_field_returns_422() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let before = world.sql().fingerprint();
    let good = json!({"name": "bot", "capabilities": ["read"]});
    for (change, field) in [
        (json!({"name": null}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "a".repeat(101)}), "name"),
        (json!({"capabilities": []}), "capabilities"),
        (json!({"capabilities": ["read", "fly"]}), "capabilities[1]"),
        (json!({"capabilities": ["READ"]}), "capabilities[0]"),
        (json!({"expiresAt": 1}), "expiresAt"),
        (json!({"expiresAt": -1}), "expiresAt"),
        (json!({"expiresAt": 253_402_300_800_000_u64}), "expiresAt"),
        (json!({"sessionIds": ["x"]}), "sessionIds[0]"),
        (json!({"sessionIds": ["01J9ZX8K2QHV0M3T6R7P4N5W8C"]}), "sessionIds"),
        (json!({"sessionIds": [world.org.sessions[0], world.other.sessions[0]]}), "sessionIds"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").extend(change.as_object().cloned().unwrap_or_default());
        let named = error_of(post(&caller, "/api-keys", body.clone()).await, 422).1;
        assert_eq!(named.as_deref(), Some(field), "{body}");
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn create_key_with_missing_capability_returns_403() {
    let world = World::shared().await;
    let caller = world.anonymous().token(&world.key("manage").await);
    for lacking in ["read", "send", "ingest"] {
        let new = json!({"name": "more", "capabilities": ["manage", lacking]});
        let answer = post(&caller, "/api-keys", new).await.expect(403).json();
        assert_eq!(answer["error"]["details"], json!({"required": lacking}));
    }
    post(&caller, "/api-keys", json!({"name": "same", "capabilities": ["manage"]})).await.expect(201);

    let [own, other] = &world.org.sessions;
    let limited = limited(world, own);
    let new = |sessions: Value| json!({"name": "x", "capabilities": ["read"], "sessionIds": sessions});
    for sessions in [json!([]), json!([other]), json!([own, other]), json!([world.other.sessions[0]])] {
        let named = error_of(post(&limited, "/api-keys", new(sessions.clone())).await, 422).1;
        assert_eq!(named.as_deref(), Some("sessionIds"), "{sessions}");
    }
    let made = post(&limited, "/api-keys", new(json!([own]))).await.expect(201).json();
    delete(&limited, &format!("/api-keys/{}", made["id"].as_str().expect("an id"))).await.expect(204);
}

#[tokio::test]
async fn new_key_expires_no_later_than_its_creator() {
    let world = World::shared().await;
    let expiring = [
        "key",
        "create",
        "--org",
        &world.org.id,
        "--name",
        "guest",
        "--can",
        "manage,read",
        "--expires-in",
        "1h",
    ];
    let guest = world.cli(&expiring);
    let id = guest.split('_').nth(1).expect("an id").to_owned();
    let listed = world.cli(&["key", "list", "--org", &world.org.id, "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("JSON");
    let latest = listed.iter().find(|key| key["keyId"] == id).expect("the key")["expiresAt"].clone();
    let latest = latest.as_i64().expect("a moment");
    let guest = world.anonymous().token(&guest);
    let new =
        |expires_at: Option<i64>| json!({"name": "child", "capabilities": ["read"], "expiresAt": expires_at});
    for (requested, expected) in
        [(None, latest), (Some(latest - 1000), latest - 1000), (Some(latest), latest)]
    {
        let made = post(&guest, "/api-keys", new(requested)).await.expect(201).json();
        assert_eq!(made["expiresAt"], expected, "{requested:?}");
    }
    let answer = post(&guest, "/api-keys", new(Some(latest + 1000))).await;
    assert_eq!(error_of(answer, 422).1.as_deref(), Some("expiresAt"));
}

#[tokio::test]
async fn limited_key_sees_only_keys_in_its_scope() {
    let world = World::shared().await;
    let [own, other] = &world.org.sessions;
    let (caller, limited) = (manager(world).await, limited(world, own));
    for sessions in [json!([]), json!([other]), json!([own, other])] {
        let new = json!({"name": "theirs", "capabilities": ["read"], "sessionIds": sessions});
        let made = post(&caller, "/api-keys", new).await.expect(201).json();
        let path = format!("/api-keys/{}", made["id"].as_str().expect("an id"));
        let (hidden, missing) =
            (delete(&limited, &path).await, delete(&limited, "/api-keys/aaaaaaaaaaaa").await);
        assert_eq!((hidden.status, hidden.body), (404, missing.body));
        world
            .anonymous()
            .token(made["key"].as_str().expect("a key"))
            .get(format!("/api/v1/sessions/{own}/chats/nobody@c.us"))
            .await
            .expect(422);
    }
}

/// A caller with all capabilities, limited to that session.
fn limited(world: &World, session: &str) -> Rest {
    let can = "read,send,ingest,manage";
    let args = ["key", "create", "--org", &world.org.id, "--name", "one", "--can", can, "--session", session];
    world.anonymous().token(&world.cli(&args))
}

/// A new key of the caller with these capabilities: its id, and the key.
async fn create(caller: &Rest, can: &[&str]) -> (String, String) {
    let made =
        post(caller, "/api-keys", json!({"name": "made", "capabilities": can})).await.expect(201).json();
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

#[tokio::test]
async fn revoked_key_cannot_create_keys_meanwhile() {
    let world = World::start().await;
    let new = json!({"name": "last", "capabilities": ["manage"]});
    for end in ["revoked_at", "expires_at"] {
        let key = world.database.create_key(&world.org.id, "manage", &[]);
        let caller = world.anonymous().token(&key);
        post(&caller, "/api-keys", new.clone()).await.expect(201);
        let id = key.split('_').nth(1).expect("an id");
        world
            .sql()
            .run_as(&world.org.id, &format!("UPDATE api_keys SET {end} = now() WHERE key_id = '{id}'"));
        // The cached check still accepts it.
        caller.get("/api/v1/organization/api-keys").await.expect(200);
        post(&caller, "/api-keys", new.clone()).await.expect(401);
    }
    let caller = manager(&world).await;
    post(&caller, "/api-keys", new.clone()).await.expect(201);
    world.cli(&["org", "disable", &world.org.id]);
    post(&caller, "/api-keys", new).await.expect(401);
    assert_eq!(world.sql().count("api_keys WHERE name = 'last'"), 3);
}

#[tokio::test]
async fn revoking_a_key_can_revoke_what_it_created() {
    let world = World::start().await;
    let operator = world.database.create_key(&world.org.id, "manage,read", &[]);
    let root = operator.split('_').nth(1).expect("an id").to_owned();
    let root_caller = world.anonymous().token(&operator);
    let (child, child_key) = create(&root_caller, &["manage", "read"]).await;
    let (grandchild, _) = create(&world.anonymous().token(&child_key), &["read"]).await;
    let (other, _) = create(&manager(&world).await, &["read"]).await;
    let listed =
        || world.sql().rows("SELECT key_id, created_by, revoked_at IS NOT NULL AS revoked FROM api_keys");
    let of = |id: &str| listed().into_iter().find(|row| row["key_id"] == id).expect("the key");
    for (id, creator) in [
        (&root, "operator".to_owned()),
        (&child, format!("key:{root}")),
        (&grandchild, format!("key:{child}")),
    ] {
        assert_eq!(of(id)["created_by"], creator);
    }
    let caller = manager(&world).await;
    delete(&caller, &format!("/api-keys/{root}")).await.expect(204);
    assert_eq!([&root, &child, &grandchild].map(|id| of(id)["revoked"] == true), [true, false, false]);
    delete(&caller, &format!("/api-keys/{root}?revokeCreated=true")).await.expect(204);
    assert_eq!(
        [&root, &child, &grandchild, &other].map(|id| of(id)["revoked"] == true),
        [true, true, true, false]
    );
}
