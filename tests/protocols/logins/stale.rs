//! Tokens that were revoked or demoted after their last check leave nothing behind that outlives them.

use serde_json::{Value, json};

use super::frontend::now;
use super::{Frontend, Login};
use crate::support::{Rest, World, until};

const KEYS: &str = "/api/v1/organization/api-keys";
const MEMBERS: &str = "/api/v1/organization/members";
const HOOKS: &str = "/api/v1/organization/webhooks";
const CONNECTIONS: &str = "/api/v1/connections";

/// Requests whose effect outlives the token of their caller.
type Request = (&'static str, String, Value);

fn name(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::now_v7().simple())
}

/// Requests that a manager may send. What they change exists.
async fn lasting(world: &World) -> Vec<Request> {
    let manager = world.anonymous().token(&world.key("read,manage").await);
    let email = format!("{}@acme.example", name("old"));
    manager.json("POST", MEMBERS, json!({"email": email}).to_string()).await.expect(201);
    let url = json!({"url": "https://hooks.acme.example/1"});
    let hook = manager.json("POST", HOOKS, url.to_string()).await.expect(201).json();
    let hook = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().expect("an id"));
    let new = json!({"phoneNumber": "15550100811", "kind": "external"}).to_string();
    let line = manager.json("POST", CONNECTIONS, new).await.expect(201).json();
    let line = format!("{CONNECTIONS}/{}", line["id"].as_str().expect("an id"));
    vec![
        ("POST", KEYS.to_owned(), json!({"name": "last", "capabilities": ["manage"]})),
        ("POST", MEMBERS.to_owned(), json!({"email": "last@acme.example"})),
        ("PATCH", format!("{MEMBERS}/{email}"), json!({"role": "admin"})),
        ("DELETE", format!("{MEMBERS}/{email}"), Value::Null),
        ("POST", HOOKS.to_owned(), json!({"url": "https://hooks.acme.example/last"})),
        ("PATCH", hook.clone(), json!({"url": "https://hooks.acme.example/last"})),
        ("POST", format!("{hook}/secret"), json!({})),
        ("POST", CONNECTIONS.to_owned(), json!({"phoneNumber": "15550100812", "kind": "external"})),
        ("DELETE", hook, Value::Null),
        ("PATCH", line.clone(), json!({"enabled": false})),
        ("POST", format!("{line}:sync"), json!({})),
        ("POST", format!("{line}:replay"), json!({})),
        ("DELETE", line, Value::Null),
    ]
}

/// Sends each request with a token that was revoked after its last check.
async fn are_refused(world: &World, requests: &[Request], revoked: impl AsyncFn() -> Rest) {
    for (method, path, body) in requests {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        // On a busy machine, the token may be checked once more.
        let what = format!("{method} {path} is refused by itself");
        until(&what, async || {
            let answer = revoked().await.json(method, path, body.clone()).await.expect(401);
            answer.text().contains("the token is no longer accepted")
        })
        .await;
    }
    for row in [
        "api_keys WHERE name = 'last'",
        "webhooks WHERE url LIKE '%last'",
        "members WHERE email LIKE 'last%'",
    ] {
        assert_eq!(world.sql().count(row), 0, "{row}");
    }
}

#[tokio::test]
async fn revoked_key_leaves_nothing_behind() {
    let world = World::start().await;
    let requests = lasting(&world).await;
    let revoked = async || {
        let key = world.database.create_key(&world.org.id, "read,manage", &[]);
        let caller = world.anonymous().token(&key);
        caller.get(KEYS).await.expect(200);
        let id = key.split('_').nth(1).expect("an id");
        let revoke = format!("UPDATE api_keys SET revoked_at = now() WHERE key_id = '{id}'");
        world.sql().run_as(&world.org.id, &revoke);
        caller
    };
    are_refused(&world, &requests, revoked).await;
}

#[tokio::test]
async fn revoked_login_leaves_nothing_behind() {
    let login = Login::of(Frontend::new()).await;
    let (world, org) = (&login.world, login.world.org.id.as_str());
    let requests = lasting(world).await;
    let revoked = async || {
        world.sql().run_as(org, "UPDATE orgs SET logins_not_before = NULL");
        let claims =
            json!({"role": "owner", "email": "asha@acme.example", "iat": now() - 5, "jti": name("token")});
        let caller = world.anonymous().token(&login.token(claims));
        caller.get(KEYS).await.expect(200);
        world.sql().run_as(org, "UPDATE orgs SET logins_not_before = now()");
        caller
    };
    are_refused(world, &requests, revoked).await;
}

#[tokio::test]
async fn demoted_owner_makes_no_owner() {
    let login = Login::of(Frontend::new()).await;
    let (world, org) = (&login.world, login.world.org.id.as_str());
    let set = |role: &str| {
        world.cli(&["member", "add", "--org", org, "--email", "boss@acme.example", "--role", role])
    };
    set("owner");
    let token = login.token(json!({"role": "owner", "email": "boss@acme.example"}));
    let caller = world.anonymous().token(&token);
    caller.get(KEYS).await.expect(200);
    let change = "UPDATE members SET role = 'admin' WHERE email = 'boss@acme.example'";
    world.sql().run_as(org, change);
    let owner = json!({"email": "next@acme.example", "role": "owner"}).to_string();
    caller.json("POST", MEMBERS, owner.clone()).await.expect(403);
    let itself = format!("{MEMBERS}/boss@acme.example");
    caller.patch(&itself, json!({"role": "owner"})).await.expect(403);
    let key = json!({"name": "last", "capabilities": ["manage"]}).to_string();
    let made = caller.json("POST", KEYS, key).await.expect(201).json();
    let key = world.anonymous().token(made["key"].as_str().expect("a key"));
    key.json("POST", MEMBERS, owner).await.expect(403);
}
