//! Members, labels, properties and api-keys: responses, and effects on chats.

mod keys;
mod labels;
mod lists;
mod members;
mod properties;
mod quotas;

use serde_json::{Value, json};

use crate::support::{Answer, Chat, Rest, World};

const ROOT: &str = "/api/v1/organization";

/// A caller with all capabilities.
async fn manager(world: &World) -> Rest {
    world.anonymous().token(&world.key("read,send,manage").await)
}

async fn post(caller: &Rest, path: &str, body: Value) -> Answer {
    caller.json("POST", format!("{ROOT}{path}"), body.to_string()).await
}

async fn patch(caller: &Rest, path: &str, body: Value) -> Answer {
    caller.patch(format!("{ROOT}{path}"), body).await
}

async fn delete(caller: &Rest, path: &str) -> Answer {
    caller.delete(format!("{ROOT}{path}")).await
}

/// The object without `createdAt`, which must be a time.
#[track_caller]
fn without_time(mut object: Value) -> Value {
    let created_at = object.as_object_mut().and_then(|object| object.remove("createdAt"));
    assert!(created_at.as_ref().is_some_and(Value::is_u64), "{created_at:?} {object}");
    object
}

/// The code of the error and the field it names, if any.
#[track_caller]
fn error_of(answer: Answer, status: u16) -> (String, Option<String>) {
    let body = answer.expect(status).json();
    let field = body["error"]["details"].as_object().and_then(|details| details.keys().next().cloned());
    (body["error"]["code"].as_str().unwrap_or_default().to_owned(), field)
}

/// ETag and `updated_at` of a chat.
async fn version(world: &World, chat: &Chat) -> (String, String) {
    let answer = world.rest().get(chat).await.expect(200);
    let updated_at = answer.json()["updated_at"].as_str().expect("a time").to_owned();
    (answer.header("etag").to_owned(), updated_at)
}

#[tokio::test]
async fn limited_key_cannot_change_shared_data() {
    let world = World::shared().await;
    let manage = "read,send,ingest,manage";
    let own = &world.org.sessions[1];
    let args = ["key", "create", "--org", &world.org.id, "--name", "one", "--can", manage, "--session", own];
    let limited = world.anonymous().token(&world.cli(&args));
    let (member, label, note) = (&world.org.members[0], &world.org.label, &world.org.note);
    let calls = [
        post(&limited, "/members", json!({"email": "new@acme.example"})).await,
        patch(&limited, &format!("/members/{member}"), json!({"name": "x"})).await,
        delete(&limited, &format!("/members/{member}")).await,
        post(&limited, "/labels", json!({"name": "limited"})).await,
        patch(&limited, &format!("/labels/{label}"), json!({"name": "limited"})).await,
        delete(&limited, &format!("/labels/{label}")).await,
        post(&limited, "/properties", json!({"name": "limited", "kind": "text"})).await,
        patch(&limited, &format!("/properties/{note}"), json!({"name": "limited"})).await,
        delete(&limited, &format!("/properties/{note}")).await,
    ];
    for answer in calls {
        assert_eq!(error_of(answer, 403).0, "forbidden");
    }
}

#[tokio::test]
async fn write_with_stale_etag_returns_412() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let property =
        post(&caller, "/properties", json!({"name": "versioned", "kind": "text"})).await.expect(201);
    let label = post(&caller, "/labels", json!({"name": "versioned"})).await.expect(201);
    let member = post(&caller, "/members", json!({"email": "versioned@acme.example"})).await.expect(201);
    let id = |answer: &Answer| answer.json()["id"].as_str().unwrap_or_default().to_owned();
    for (path, first) in [
        (format!("/properties/{}", id(&property)), &property),
        (format!("/labels/{}", id(&label)), &label),
        ("/members/versioned@acme.example".to_owned(), &member),
    ] {
        let same = patch(&caller.with("if-match", first.header("etag")), &path, json!({})).await.expect(200);
        assert_eq!((&same.body, same.header("etag")), (&first.body, first.header("etag")));
        let change = json!({"name": "versioned again"});
        patch(&caller.with("if-match", first.header("etag")), &path, change.clone()).await.expect(200);
        let stale = patch(&caller.with("if-match", first.header("etag")), &path, change).await;
        assert_eq!(error_of(stale, 412).0, "precondition_failed", "{path}");
        let stale = delete(&caller.with("if-match", first.header("etag")), &path).await;
        assert_eq!(error_of(stale, 412).0, "precondition_failed", "{path}");
        let current = patch(&caller, &path, json!({})).await.expect(200);
        delete(&caller.with("if-match", current.header("etag")), &path).await.expect(204);
    }
}

#[tokio::test]
async fn invalid_request_with_stale_etag_returns_422() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let new = json!({"name": "checked first", "kind": "dropdown", "options": ["a"]});
    let property = post(&caller, "/properties", new).await.expect(201);
    let path = format!("/properties/{}", property.json()["id"].as_str().expect("an id"));
    for (bad, field) in [(json!(["a", " a"]), "options[1]"), (json!([]), "options"), (Value::Null, "options")]
    {
        let answer = patch(&caller.with("if-match", "\"other\""), &path, json!({"options": bad})).await;
        assert_eq!(error_of(answer, 422).1.as_deref(), Some(field));
    }
}
