//! Sessions: creating, listing, updating and deleting them.

mod removal;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchboard::pb;
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{Rest, World};

const SESSIONS: &str = "/api/v1/sessions";

async fn manager(world: &World) -> Rest {
    world.anonymous().token(&world.key("read,send,manage").await)
}

fn body(phone: &str) -> String {
    json!({"phoneNumber": phone}).to_string()
}

#[tokio::test]
async fn session_has_the_documented_fields() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let attached = json!({"phoneNumber": "15550100700", "label": " Reception "}).to_string();
    let created = rest.json("POST", SESSIONS, attached).await.expect(201);
    let session = created.json();
    let documented = json!({
        "id": session["id"], "phoneNumber": "15550100700", "phoneId": session["phoneId"],
        "waJid": "15550100700@s.whatsapp.net", "waLid": null, "label": "Reception", "status": "disconnected",
        "organizationId": world.org.id, "createdAt": session["createdAt"], "updatedAt": session["createdAt"],
        "lastConnectedAt": null,
    });
    assert_eq!(session, documented);
    assert!(session["createdAt"].as_i64().is_some_and(|at| at > 1_700_000_000_000), "{session}");
    assert_eq!(session["id"].as_str().map(str::len), Some(26), "{session}");
    assert!(session["phoneId"].as_str().is_some_and(|id| id.starts_with("phone-")), "{session}");

    let path = format!("{SESSIONS}/{}", session["id"].as_str().expect("an id"));
    let fetched = rest.get(&path).await.expect(200);
    assert_eq!((fetched.json(), fetched.header("etag")), (session, created.header("etag")));
    let lid = format!(
        "UPDATE sessions SET lid = '189412345678@lid', last_connected_at = to_timestamp(1737976000)
        WHERE phone = '15550100700' AND org_id = '{}'",
        world.org.id
    );
    world.sql().run_as(&world.org.id, &lid);
    let known = rest.get(&path).await.expect(200).json();
    assert_eq!(known["waLid"], "189412345678@lid");
    assert_eq!(known["lastConnectedAt"], 1_737_976_000_000_i64);
}

#[tokio::test]
async fn list_says_on_request_which_sessions_have_connections() {
    let world = World::start().await;
    let connected = format!("DELETE FROM connections WHERE session_id <> '{}'", world.org.sessions[0]);
    world.admin().run(&connected);
    let limited = world.limited_key("read", &world.org.sessions);
    for key in [world.key("read").await, limited] {
        let rest = world.anonymous().token(&key);
        let listed = async |query: &str| rest.get(format!("{SESSIONS}{query}")).await.expect(200).json();
        let plain = listed("").await;
        for (session, plain) in listed("?withConnection=true").await["data"]
            .as_array()
            .expect("sessions")
            .iter()
            .zip(plain["data"].as_array().expect("sessions"))
        {
            let mut expected = plain.clone();
            expected["hasConnection"] = json!(session["id"] == world.org.sessions[0]);
            assert_eq!(*session, expected);
            assert!(plain.get("hasConnection").is_none(), "{plain}");
        }
    }
}

#[tokio::test]
async fn create_session_with_invalid_field_returns_422() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let before = world.sql().fingerprint();
    for phone in
        ["+15550100700", "1555 0100700", "1555-0100700", "1555", "", "١٥٥٥٠١٠٠٧", "123456789012345678901"]
    {
        let answer = rest.json("POST", SESSIONS, body(phone)).await.expect(422).json();
        assert!(
            answer["error"]["details"]["phoneNumber"].to_string().contains("digits"),
            "{phone}: {answer}"
        );
    }
    let path = format!("{SESSIONS}/{}", world.org.sessions[0]);
    for label in ["a\u{7}b", "  ", &"x".repeat(101)] {
        let attached = json!({"phoneNumber": "15550100700", "label": label}).to_string();
        let answer = rest.json("POST", SESSIONS, attached).await.expect(422).json();
        assert!(answer["error"]["details"]["label"].is_string(), "{label:?}: {answer}");
        let answer = rest.patch(&path, json!({"label": label})).await.expect(422).json();
        assert!(answer["error"]["details"]["label"].is_string(), "{label:?}: {answer}");
    }
    rest.json("POST", SESSIONS, "{}").await.expect(422);
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn concurrent_creations_attach_a_number_once() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let taken = rest.json("POST", SESSIONS, body(&world.org.numbers[0])).await.expect(409).json();
    assert_eq!(taken["error"]["code"], "conflict");
    // Another organization may attach the same number.
    rest.json("POST", SESSIONS, body(&world.other.numbers[0])).await.expect(201);
    for round in 0..20 {
        let attached = body(&format!("15550107{round:03}"));
        let mut racing = JoinSet::new();
        for _ in 0..4 {
            let (rest, attached) = (rest.clone(), attached.clone());
            racing.spawn(async move { rest.json("POST", SESSIONS, attached).await.status });
        }
        let mut statuses = racing.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409]);
    }
}

#[tokio::test]
async fn session_label_is_kept_cleared_or_set() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let path = format!("{SESSIONS}/{}", world.org.sessions[0]);
    let label = async |body: &str| rest.json("PATCH", &path, body.to_owned()).await.expect(200).json();
    assert_eq!(label(r#"{"label": "Sales"}"#).await["label"], "Sales");
    for says_nothing in ["{}", "", r#"{"phoneNumber": "15550109999"}"#] {
        let session = label(says_nothing).await;
        assert_eq!(
            (&session["label"], &session["phoneNumber"]),
            (&json!("Sales"), &json!(world.org.numbers[0]))
        );
    }
    assert_eq!(label(r#"{"label": null}"#).await["label"], Value::Null);
    label(r#"{"label": "Sales"}"#).await;
    assert_eq!(label(r#"{"label": ""}"#).await["label"], Value::Null);

    let old = rest.get(&path).await.expect(200).header("etag").to_owned();
    label(r#"{"label": "Support"}"#).await;
    let stale = rest.with("if-match", &old);
    stale.json("PATCH", &path, r#"{"label": "Lost"}"#).await.expect(412);
    stale.delete(&path).await.expect(412);
    assert_eq!(rest.get(&path).await.expect(200).json()["label"], "Support");
}

#[tokio::test]
async fn update_with_equal_label_changes_nothing() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let path = format!("{SESSIONS}/{}", world.org.sessions[0]);
    for label in [json!("Sales"), Value::Null] {
        let changed = rest.patch(&path, json!({"label": label})).await.expect(200);
        let before = world.sql().fingerprint();
        let again = rest.patch(&path, json!({"label": label})).await.expect(200);
        assert_eq!((again.json(), again.header("etag")), (changed.json(), changed.header("etag")), "{label}");
        assert_eq!(world.sql().fingerprint(), before, "{label}");
    }
    rest.with("if-match", "\"other\"").patch(&path, json!({"label": null})).await.expect(412);
    rest.patch(format!("{SESSIONS}/01J9ZX8K2QHV0M3T6R7P4N5W8D"), json!({"label": null})).await.expect(404);
}

#[tokio::test]
async fn session_id_above_128_bits_returns_422() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let id = &world.org.sessions[0];
    // The overflowing bits are ones that a ULID does not have.
    let too_large = format!("8{}", &id[1..]);
    rest.get(format!("{SESSIONS}/{id}")).await.expect(200);
    rest.get(format!("{SESSIONS}/{}", id.to_lowercase())).await.expect(200);
    for path in [format!("{SESSIONS}/{too_large}"), format!("{SESSIONS}/{too_large}/chats")] {
        let refused = rest.get(path).await.expect(422).json();
        assert!(refused["error"]["details"]["sessionId"].is_string(), "{refused}");
    }
}

#[tokio::test]
async fn sessions_are_listed_once() {
    let world = World::start().await;
    let rest = manager(&world).await;
    for number in 0..9 {
        rest.json("POST", SESSIONS, body(&format!("1555010900{number}"))).await.expect(201);
    }
    let whole = rest.get(SESSIONS).await.expect(200).json();
    let ids = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().expect("data").iter();
        data.map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
    };
    let all = ids(&whole);
    assert_eq!((all.len(), &whole["nextCursor"]), (11, &Value::Null));
    assert!(all.is_sorted());
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rest.get(format!("{SESSIONS}?limit=4&cursor={cursor}")).await.expect(200).json();
        walked.extend(ids(&page));
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(walked, all);
    for (limit, expected) in [("0", 1), ("-1", 1), ("1000000000000", 11), ("200", 11), ("2", 2)] {
        let page = rest.get(format!("{SESSIONS}?limit={limit}")).await.expect(200).json();
        assert_eq!(ids(&page).len(), expected, "{limit}");
    }
    for limit in ["x", "1.5", "1e30", ""] {
        let answer = rest.get(format!("{SESSIONS}?limit={limit}")).await;
        assert!(answer.status == 422 || limit.is_empty(), "{limit}: {}", answer.text());
    }
    // A cursor is valid only for its organization and unmodified.
    let next =
        rest.get(format!("{SESSIONS}?limit=1")).await.json()["nextCursor"].as_str().expect("more").to_owned();
    let stranger = world.anonymous().token(&world.other.key);
    for (caller, cursor) in
        [(&stranger, next.clone()), (&rest, format!("{next}x")), (&rest, next[1..].to_owned())]
    {
        let answer = caller.get(format!("{SESSIONS}?cursor={cursor}")).await.expect(422).json();
        assert!(answer["error"]["details"]["cursor"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn limited_key_manages_only_its_sessions() {
    let world = World::start().await;
    let [mine, other] = &world.org.sessions;
    let key = world.limited_key("read,send,manage", std::slice::from_ref(mine));
    let limited = world.anonymous().token(&key);
    let listed = limited.get(SESSIONS).await.expect(200).json();
    let listed: BTreeSet<_> =
        listed["data"].as_array().expect("data").iter().map(|s| s["id"].as_str()).collect();
    assert_eq!(listed, BTreeSet::from([Some(mine.as_str())]));
    limited.get(format!("{SESSIONS}/{mine}")).await.expect(200);
    let path = format!("{SESSIONS}/{other}");
    limited.get(&path).await.expect(404);
    limited.patch(&path, json!({"label": "taken"})).await.expect(404);
    limited.delete(&path).await.expect(404);
    let refused = limited.json("POST", SESSIONS, body("15550100700")).await.expect(403).json();
    assert_eq!(refused["error"]["code"], "forbidden");
    assert_eq!(world.sql().count("sessions"), 4);
}

#[tokio::test]
async fn grpc_session_errors_have_grpc_codes() {
    let world = World::start().await;
    let key = world.key("read,send,manage").await;
    let mut client = world.grpc_session_as(&key);
    let create = pb::CreateSessionRequest { phone_number: "15550100700".to_owned(), label: None };
    let session = client.create_session(create.clone()).await.expect("a session").into_inner();
    let again = client.create_session(create).await.expect_err("it is there");
    assert_eq!(again.code(), Code::AlreadyExists);
    let update = pb::UpdateSessionRequest {
        session_id: session.id.clone(),
        session: Some(pb::Session { label: Some("Night".to_owned()), ..Default::default() }),
        update_mask: None,
    };
    let updated = client.update_session(update.clone()).await.expect("the session").into_inner();
    assert_eq!(updated.label.as_deref(), Some("Night"));
    let clear = pb::UpdateSessionRequest {
        session: None,
        update_mask: Some(prost_types::FieldMask { paths: vec!["label".to_owned()] }),
        ..update
    };
    assert_eq!(client.update_session(clear).await.expect("the session").into_inner().label, None);
    let gone = pb::DeleteSessionRequest { session_id: session.id };
    client.delete_session(gone.clone()).await.expect("removed");
    assert_eq!(client.delete_session(gone).await.expect_err("gone").code(), Code::NotFound);
}
