//! Members: adding, updating and removing them, and permissions about owners.

use serde_json::{Value, json};
use switchboard::pb;

use super::{delete, error_of, manager, patch, post, version, without_time};
use crate::protocols::logins::Frontend;
use crate::support::{Answer, Rest, World};

#[tokio::test]
async fn member_is_added_updated_and_removed() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let new = json!({"email": "Asha.Rao@acme.example", "name": " Asha Rao ", "role": "admin"});
    let added = post(&caller, "/members", new).await.expect(201).json();
    let expected = json!({"email": "Asha.Rao@acme.example", "name": "Asha Rao", "role": "admin"});
    assert_eq!(without_time(added.clone()), expected);
    let again = post(&caller, "/members", json!({"email": "asha.RAO@acme.example"})).await;
    assert_eq!(error_of(again, 409).0, "conflict");

    for (path, sent, name, role) in [
        ("/members/asha.rao@ACME.example", json!({}), json!("Asha Rao"), "admin"),
        ("/members/asha.rao%40acme.example", json!({"role": "member"}), json!("Asha Rao"), "member"),
        ("/members/asha.rao@acme.example", json!({"name": "Asha"}), json!("Asha"), "member"),
        ("/members/asha.rao@acme.example", json!({"name": null}), Value::Null, "member"),
        ("/members/asha.rao@acme.example", json!({"name": "A", "role": "admin"}), json!("A"), "admin"),
    ] {
        let answer = patch(&caller, path, sent.clone()).await.expect(200).json();
        let shown =
            json!({"email": added["email"], "name": name, "role": role, "createdAt": added["createdAt"]});
        assert_eq!(answer, shown, "{path} {sent}");
    }
    let path = "/members/asha.rao@acme.example";
    assert!(delete(&caller, path).await.expect(204).body.is_empty());
    assert_eq!(error_of(delete(&caller, path).await, 404), ("not_found".to_owned(), None));
    assert_eq!(error_of(patch(&caller, path, json!({"name": "x"})).await, 404).0, "not_found");
}

#[tokio::test]
async fn member_with_invalid_field_returns_422() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let before = world.sql().fingerprint();
    for (body, field) in [
        (json!({}), "email"),
        (json!({"email": "nobody"}), "email"),
        (json!({"email": "a b@acme.example"}), "email"),
        (json!({"email": "@acme.example"}), "email"),
        (json!({"email": "asha@"}), "email"),
        (json!({"email": "a@b@c"}), "email"),
        (json!({"email": "a\u{0}@acme.example"}), "email"),
        (json!({"email": "a@acme.example", "role": "king"}), "role"),
        (json!({"email": "a@acme.example", "role": ""}), "role"),
        (json!({"email": "a@acme.example", "name": "a\nb"}), "name"),
        (json!({"email": "a@acme.example", "name": "ë".repeat(101)}), "name"),
        (json!({"email": "a@acme.example", "name": "  "}), "name"),
        (json!({"email": "a@acme.example", "name": "a\u{0}b"}), "name"),
    ] {
        let named = error_of(post(&caller, "/members", body.clone()).await, 422).1;
        assert_eq!(named.as_deref(), Some(field), "{body}");
    }
    let member = format!("/members/{}", world.org.members[0]);
    for (path, body, field) in [
        (member.as_str(), json!({"role": null}), "role"),
        (&member, json!({"role": "king"}), "role"),
        (&member, json!({"name": ""}), "name"),
        ("/members/nobody", json!({"name": "x"}), "email"),
    ] {
        let named = error_of(patch(&caller, path, body.clone()).await, 422).1;
        assert_eq!(named.as_deref(), Some(field), "{path} {body}");
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn removed_member_is_unassigned_from_all_chats() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let [assigned, open, other] = [world.chat("A").await, world.chat("B").await, world.chat("C").await];
    let [leaver, stayer] = &world.org.members;
    world.rest().patch(&assigned, json!({"assigned_to": leaver})).await.expect(200);
    world.rest().patch(&other, json!({"assigned_to": stayer})).await.expect(200);
    let access = format!(
        "INSERT INTO chat_access SELECT org_id, chat_key, '{leaver}', true FROM chats WHERE chat_id = '{}'",
        open.id
    );
    world.sql().run_as(&world.org.id, &access);
    assert_eq!(world.rest().get(&open).await.json()["chat_access"], json!({leaver.as_str(): true}));
    let mut before = Vec::new();
    for chat in [&assigned, &open, &other] {
        before.push(version(&world, chat).await);
    }
    delete(&caller, &format!("/members/{}", leaver.to_uppercase())).await.expect(204);
    for (chat, before, changed) in
        [(&assigned, &before[0], true), (&open, &before[1], true), (&other, &before[2], false)]
    {
        let now = version(&world, chat).await;
        assert_eq!((now.0 != before.0, now.1 > before.1), (changed, changed), "{now:?} {before:?}");
    }
    assert_eq!(world.rest().get(&assigned).await.json()["assigned_to"], Value::Null);
    assert_eq!(world.rest().get(&open).await.json()["chat_access"], json!({}));
    assert_eq!(world.rest().get(&other).await.json()["assigned_to"], stayer.as_str());
    let again = world.rest().patch(&assigned, json!({"assigned_to": leaver})).await.expect(422).json();
    assert!(again["fields"]["assigned_to"].is_object(), "{again}");
}

#[tokio::test]
async fn last_owner_cannot_be_removed() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let owner = "/members/owner@acme.example";
    post(&caller, "/members", json!({"email": "owner@acme.example", "role": "owner"})).await.expect(201);
    assert_eq!(error_of(delete(&caller, owner).await, 409).0, "conflict");
    assert_eq!(error_of(patch(&caller, owner, json!({"role": "admin"})).await, 409).0, "conflict");
    patch(&caller, owner, json!({"role": "owner", "name": "Olivia"})).await.expect(200);
    let key = world.key("read,send,manage").await;
    let request = pb::RemoveMemberRequest { email: "owner@acme.example".to_owned() };
    let status = world.grpc_members(&key).remove_member(request).await.expect_err("the last owner");
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);
    patch(&caller, &format!("/members/{}", world.org.members[0]), json!({"role": "owner"})).await.expect(200);
    patch(&caller, owner, json!({"role": "admin"})).await.expect(200);
    delete(&caller, owner).await.expect(204);
}

#[tokio::test]
async fn concurrent_removals_of_two_owners_keep_one() {
    let world = World::start().await;
    let caller = manager(&world).await;
    for round in 0..20 {
        let emails = ["a", "b"].map(|who| format!("{who}{round}@acme.example"));
        for email in &emails {
            post(&caller, "/members", json!({"email": email, "role": "owner"})).await.expect(201);
        }
        // The owner who remained in the previous round.
        if round > 0 {
            let last = ["a", "b"].map(|who| format!("/members/{who}{}@acme.example", round - 1));
            let gone = [delete(&caller, &last[0]).await.status, delete(&caller, &last[1]).await.status];
            assert!(gone.contains(&204) && gone.contains(&404), "{gone:?}");
        }
        let [a, b] = emails.map(|email| format!("/members/{email}"));
        let (first, second) = if round % 2 == 0 {
            tokio::join!(delete(&caller, &a), delete(&caller, &b))
        } else {
            let demote = json!({"role": "member"});
            let answers = tokio::join!(delete(&caller, &a), patch(&caller, &b, demote));
            if answers.1.status == 200 {
                delete(&caller, &b).await.expect(204);
            }
            answers
        };
        let statuses = [first.status, second.status];
        let done = statuses.iter().filter(|status| [200, 204].contains(*status)).count();
        assert!(done == 1 && statuses.contains(&409), "{statuses:?}");
        let owners = format!("members WHERE org_id = '{}' AND role = 'owner'", world.org.id);
        assert_eq!(world.sql().count(&owners), 1);
    }
}

#[tokio::test]
async fn only_owners_can_change_owners() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let login = |role: &str| world.anonymous().token(&frontend.token(&world.org.id, role, json!({})));
    let (owner, admin) = (login("owner"), login("admin"));
    for email in ["first@acme.example", "second-owner@acme.example"] {
        post(&owner, "/members", json!({"email": email, "role": "owner"})).await.expect(201);
    }
    let key_by = async |caller: &Rest| {
        let new = json!({"name": "by hand", "capabilities": ["read", "manage"]});
        let key = post(caller, "/api-keys", new).await.expect(201).json();
        world.anonymous().token(key["key"].as_str().expect("a key"))
    };
    let by_admin = key_by(&admin).await;
    let by_key_of_admin = key_by(&by_admin).await;
    for caller in [&admin, &by_admin, &by_key_of_admin] {
        for answer in changes_of_owners(caller, &world).await {
            assert_eq!(error_of(answer, 403), ("forbidden".to_owned(), None));
        }
        let member = format!("/members/{}", world.org.members[1]);
        patch(caller, &member, json!({"role": "admin"})).await.expect(200);
        patch(caller, "/members/first@acme.example", json!({"name": "First", "role": "owner"}))
            .await
            .expect(200);
    }
    let by_owner = key_by(&owner).await;
    for caller in [&key_by(&by_owner).await, &by_owner, &owner] {
        for answer in changes_of_owners(caller, &world).await {
            assert!([200, 201, 204].contains(&answer.status), "{answer:?}");
        }
        delete(caller, "/members/third@acme.example").await.expect(204);
        let again = json!({"email": "second-owner@acme.example", "role": "owner"});
        post(caller, "/members", again).await.expect(201);
        patch(caller, &format!("/members/{}", world.org.members[0]), json!({"role": "member"}))
            .await
            .expect(200);
    }
    let member = login("member");
    assert_eq!(error_of(post(&member, "/members", json!({})).await, 403).1.as_deref(), Some("required"));
}

/// Adds an owner, promotes one, demotes one and removes one.
async fn changes_of_owners(caller: &Rest, world: &World) -> [Answer; 4] {
    let second = "/members/second-owner@acme.example";
    [
        post(caller, "/members", json!({"email": "third@acme.example", "role": "owner"})).await,
        patch(caller, &format!("/members/{}", world.org.members[0]), json!({"role": "owner"})).await,
        patch(caller, second, json!({"role": "member"})).await,
        delete(caller, second).await,
    ]
}
