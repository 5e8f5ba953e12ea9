//! Login tokens of members: the stored role, removed members, and revoked logins.

use std::time::Duration;

use serde_json::json;

use super::frontend::now;
use super::{Frontend, Login};
use crate::support::{Answer, Rest};

/// A change of members takes effect within this time.
const EFFECT: Duration = Duration::from_secs(5);

const MEMBERS: &str = "/api/v1/organization/members";

async fn add(login: &Login, email: &str, role: &str) {
    login.world.cli(&["member", "add", "--org", &login.world.org.id, "--email", email, "--role", role]);
}

fn caller(login: &Login, email: &str, role: &str) -> Rest {
    login.world.anonymous().token(&login.token(json!({"email": email, "role": role})))
}

/// The status of reading, sending and managing.
async fn abilities(login: &Login, caller: &Rest) -> [u16; 3] {
    let read = caller.get(&login.chat).await.status;
    let send = caller.patch(&login.chat, json!({"labels": "vip"})).await.status;
    [read, send, caller.get("/api/v1/organization/api-keys").await.status]
}

#[tokio::test]
async fn lower_of_claimed_and_stored_role_counts() {
    let login = Login::of(Frontend::new()).await;
    for (stored, email) in
        [("owner", "o@acme.example"), ("admin", "a@acme.example"), ("member", "m@acme.example")]
    {
        add(&login, email, stored).await;
    }
    for (email, claimed, expected) in [
        ("o@acme.example", "owner", [200, 200, 200]),
        (" O@Acme.Example ", "admin", [200, 200, 200]),
        ("o@acme.example", "member", [200, 200, 403]),
        ("o@acme.example", "guest", [403, 403, 403]),
        ("a@acme.example", "owner", [200, 200, 200]),
        ("m@acme.example", "owner", [200, 200, 403]),
        ("M@ACME.EXAMPLE", "admin", [200, 200, 403]),
        ("never@acme.example", "admin", [200, 200, 200]),
    ] {
        let found = abilities(&login, &caller(&login, email, claimed)).await;
        assert_eq!(found, expected, "{email} {claimed}");
    }
    // A demoted owner manages no owners.
    let added = |caller: Rest, number: usize| async move {
        let body = json!({"email": format!("new-{number}@acme.example"), "role": "owner"});
        caller.json("POST", MEMBERS, body.to_string()).await.status
    };
    assert_eq!(added(caller(&login, "a@acme.example", "owner"), 1).await, 403);
    assert_eq!(added(caller(&login, "o@acme.example", "owner"), 2).await, 201);
}

#[tokio::test]
async fn login_is_described_by_its_member_and_the_lower_role() {
    let login = Login::of(Frontend::new()).await;
    add(&login, "Asha@acme.example", "admin").await;
    let expires = now() + 600;
    for (email, role, shown) in [
        (" ASHA@acme.example ", "owner", json!("asha@acme.example")),
        ("never@acme.example", "admin", serde_json::Value::Null),
    ] {
        let token = login.token(json!({"sub": "asha", "email": email, "role": role, "exp": expires}));
        let caller = login.world.anonymous().token(&token).get("/api/v1/caller").await.expect(200).json();
        let expected = json!({
            "orgId": login.world.org.id, "type": "login", "keyId": null, "subject": "asha", "email": shown,
            "role": "admin", "capabilities": ["read", "send", "manage"], "sessionIds": [],
            "expiresAt": expires * 1000,
        });
        assert_eq!(caller, expected);
    }
}

#[tokio::test]
async fn change_of_a_member_takes_effect_within_five_seconds() {
    let login = Login::of(Frontend::new()).await;
    add(&login, "asha@acme.example", "admin").await;
    let asha = caller(&login, "asha@acme.example", "admin");
    let keys = |caller: Rest| async move { caller.get("/api/v1/organization/api-keys").await };
    let status = |answer: Answer| answer.status;
    assert_eq!(status(keys(asha.clone()).await), 200);
    add(&login, "asha@acme.example", "member").await;
    tokio::time::sleep(EFFECT).await;
    assert_eq!(status(keys(asha.clone()).await), 403);
    login.world.cli(&["member", "remove", "--org", &login.world.org.id, "--email", "asha@acme.example"]);
    tokio::time::sleep(EFFECT).await;
    asha.get(&login.chat).await.expect(401);
    // Also with a new token, and in another spelling.
    caller(&login, "ASHA@acme.example", "owner").get(&login.chat).await.expect(401);
    add(&login, "asha@acme.example", "member").await;
    tokio::time::sleep(EFFECT).await;
    asha.get(&login.chat).await.expect(200);
}

#[tokio::test]
async fn revoked_logins_are_rejected_and_later_ones_accepted() {
    let login = Login::of(Frontend::new()).await;
    let (before, undated) = (login.token(json!({"iat": now() - 5})), login.token(json!({})));
    let other = login.token(json!({"iat": now() - 5, "tenant": login.world.other.id}));
    for token in [&before, &undated] {
        login.expect(token, 200).await;
    }
    login.world.cli(&["org", "revoke-logins", &login.world.org.id]);
    tokio::time::sleep(EFFECT).await;
    for token in [&before, &undated] {
        login.expect(token, 401).await;
    }
    login.expect(&login.token(json!({"iat": now() + 1})), 200).await;
    // Keys and other organizations are not concerned.
    login.world.rest().get(&login.chat).await.expect(200);
    login.expect(&other, 404).await;
}

#[tokio::test]
async fn maximum_lifetime_is_a_setting() {
    let frontend = Frontend::new();
    let world = frontend.world_with(&["--jwt-max-lifetime", "10m"]).await;
    let chat = world.chat("Alice").await;
    for (claims, status) in [
        (json!({"iat": now(), "exp": now() + 600}), 200),
        (json!({"iat": now(), "exp": now() + 601}), 401),
        (json!({"exp": now() + 3600}), 401),
        (json!({"iat": now() - 500, "exp": now() + 200}), 401),
    ] {
        let token = frontend.token(&world.org.id, "member", claims.clone());
        assert_eq!(world.anonymous().token(&token).get(&chat).await.status, status, "{claims}");
    }
}

#[tokio::test]
async fn removed_or_demoted_member_cannot_create_keys_meanwhile() {
    let login = Login::of(Frontend::new()).await;
    let new = json!({"name": "last", "capabilities": ["manage"]}).to_string();
    let path = "/api/v1/organization/api-keys";
    for (email, change, status) in [
        ("one@acme.example", vec!["remove", "--email", "one@acme.example"], 401),
        ("two@acme.example", vec!["add", "--email", "two@acme.example", "--role", "member"], 403),
    ] {
        add(&login, email, "admin").await;
        let caller = caller(&login, email, "admin");
        let created = caller.json("POST", path, new.clone()).await.expect(201).json();
        assert_eq!(created["createdBy"], "member:asha");
        let org = ["--org", login.world.org.id.as_str()];
        login.world.cli(&[&["member"], change.as_slice(), &org].concat());
        caller.json("POST", path, new.clone()).await.expect(status);
    }
    assert_eq!(login.world.sql().count("api_keys WHERE name = 'last'"), 2);
}
