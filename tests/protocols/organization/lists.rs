//! Lists: order, pages and cursors.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchboard::pb;

use super::{ROOT, delete, error_of, manager, post};
use crate::support::{Rest, World};

/// Every list with the field of its order.
const LISTS: [(&str, &str); 4] =
    [("/members", "email"), ("/labels", "name"), ("/properties", "name"), ("/api-keys", "createdAt")];

#[tokio::test]
async fn lists_return_every_item_once() {
    let world = World::start().await;
    let caller = manager(&world).await;
    furnish(&caller).await;
    for (list, order) in LISTS {
        let whole = page(&caller, list, "").await;
        let items = whole["data"].as_array().expect("an array");
        assert!(items.len() > 5, "{list}: {whole}");
        assert_eq!(whole["nextCursor"], Value::Null);
        let position = |item: &Value| item[order].as_str().map_or(item[order].to_string(), str::to_lowercase);
        assert!(items.is_sorted_by_key(position), "{list}: {whole}");
        for limit in [1, 2, items.len() - 1, items.len()] {
            let mut walked = Vec::new();
            let mut next = format!("?limit={limit}");
            for _ in 0..=items.len() {
                let part = page(&caller, list, &next).await;
                walked.extend(part["data"].as_array().expect("an array").clone());
                let Some(cursor) = part["nextCursor"].as_str() else { break };
                assert_eq!(part["data"].as_array().map(Vec::len), Some(limit));
                next = format!("?limit={limit}&cursor={cursor}");
            }
            assert_eq!(&walked, items, "{list} by {limit}");
        }
    }
}

#[tokio::test]
async fn list_items_equal_single_resources() {
    let world = World::start().await;
    let caller = manager(&world).await;
    for (list, body) in [
        ("/members", json!({"email": "Asha@acme.example", "name": "Asha", "role": "owner"})),
        ("/labels", json!({"name": "VIP", "color": "#102030"})),
        ("/properties", json!({"name": "size", "kind": "picklist", "options": ["S", "M"]})),
        ("/api-keys", json!({"name": "bot", "capabilities": ["read"], "expiresAt": 4_000_000_000_000_u64})),
    ] {
        let mut made = post(&caller, list, body).await.expect(201).json();
        if list == "/api-keys" {
            made["key"] = Value::Null;
        }
        let all = page(&caller, list, "").await;
        assert!(all["data"].as_array().expect("an array").contains(&made), "{made} in {all}");
    }
    let keys = page(&caller, "/api-keys", "").await.to_string();
    assert!(!keys.contains("sb_") && !keys.contains("sha256"), "{keys}");
    let key = world.key("manage").await;
    let request = pb::ListApiKeysRequest::default();
    let keys = world.grpc_api_keys(&key).list_api_keys(request).await.expect("a list").into_inner();
    assert!(keys.data.len() > 2 && keys.data.iter().all(|listed| listed.key.is_none()));
}

/// Agents choose from these; only those who manage change them.
#[tokio::test]
async fn readers_list_members_labels_and_properties() {
    let world = World::start().await;
    let reader = world.anonymous().token(&world.key("read").await);
    for list in ["/members", "/labels", "/properties"] {
        assert_eq!(page(&reader, list, "").await, page(&manager(&world).await, list, "").await);
        assert_eq!(error_of(post(&reader, list, json!({})).await, 403).0, "forbidden");
    }
    assert_eq!(error_of(reader.get(format!("{ROOT}/api-keys")).await, 403).0, "forbidden");
}

#[tokio::test]
async fn limit_is_clamped_to_1_and_200() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let labels = format!(
        "INSERT INTO labels SELECT '{}', 'label-' || translate(to_char(n, 'FM0000000000000000'), '0123456789', 'abcdefghij'),
         'l' || n, 'l' || n FROM generate_series(1, 250) n ON CONFLICT DO NOTHING",
        world.org.id
    );
    world.sql().run_as(&world.org.id, &labels);
    for (query, length) in [
        ("", 50),
        ("?limit=7", 7),
        ("?limit=0", 1),
        ("?limit=-9223372036854775808", 1),
        ("?limit=200", 200),
        ("?limit=1000000000000", 200),
    ] {
        let page = page(&caller, "/labels", query).await;
        assert_eq!(page["data"].as_array().map(Vec::len), Some(length), "{query}");
    }
    let refused = caller.get(format!("{ROOT}/labels?limit=many")).await;
    assert_eq!(error_of(refused, 422).1.as_deref(), Some("limit"));
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_unchanged_items() {
    let world = World::start().await;
    let caller = manager(&world).await;
    for number in 0..30 {
        post(&caller, "/labels", json!({"name": format!("stays {number:02}")})).await.expect(201);
    }
    let mut seen = Vec::new();
    let mut next = "?limit=4".to_owned();
    for round in 0.. {
        let part = page(&caller, "/labels", &next).await;
        seen.extend(part["data"].as_array().expect("an array").iter().map(|label| label["name"].clone()));
        // One new item sorts before the next page, one after it, and the last item shown is deleted.
        for name in [format!("moves {round}"), format!("zebra {round}")] {
            post(&caller, "/labels", json!({"name": name})).await.expect(201);
        }
        let last = part["data"].as_array().and_then(|data| data.last()).expect("an item");
        delete(&caller, &format!("/labels/{}", last["id"].as_str().expect("an id"))).await.expect(204);
        let Some(cursor) = part["nextCursor"].as_str() else { break };
        next = format!("?limit=4&cursor={cursor}");
        assert!(round < 40, "it never ends");
    }
    let stays: Vec<_> =
        seen.iter().filter_map(Value::as_str).filter(|name| name.starts_with("stays")).collect();
    assert_eq!(stays, (0..30).map(|number| format!("stays {number:02}")).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), seen.len());
}

#[tokio::test]
async fn cursor_of_another_list_returns_422() {
    let world = World::start().await;
    let caller = manager(&world).await;
    furnish(&caller).await;
    let stranger = world.anonymous().token(&world.key_of(&world.other, "read,send,manage").await);
    let cursor =
        page(&caller, "/labels", "?limit=1").await["nextCursor"].as_str().expect("a cursor").to_owned();
    page(&caller, "/labels", &format!("?limit=3&cursor={cursor}")).await;
    let mut tampered = cursor.clone();
    let last = tampered.pop().expect("not empty");
    tampered.push(if last == 'A' { 'B' } else { 'A' });
    for (caller, list, cursor) in [
        (&caller, "/members", &cursor),
        (&caller, "/properties", &cursor),
        (&caller, "/api-keys", &cursor),
        (&stranger, "/labels", &cursor),
        (&caller, "/labels", &tampered),
        (&caller, "/labels", &"x".to_owned()),
    ] {
        let answer = caller.get(format!("{ROOT}{list}?cursor={cursor}")).await;
        assert_eq!(error_of(answer, 422).1.as_deref(), Some("cursor"), "{list} {cursor}");
    }
}

#[tokio::test]
async fn limited_key_lists_only_items_in_its_scope() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let [own, other] = &world.org.sessions;
    let create = async |sessions: Value| {
        let new = json!({"name": "k", "capabilities": ["read", "manage"], "sessionIds": sessions});
        post(&caller, "/api-keys", new).await.expect(201).json()
    };
    let mine = create(json!([own])).await;
    let limited = world.anonymous().token(mine["key"].as_str().expect("a key"));
    let also_mine = create(json!([own])).await;
    for theirs in [json!([]), json!([other]), json!([own, other])] {
        create(theirs).await;
    }
    let listed = page(&limited, "/api-keys", "").await;
    let ids: Vec<_> =
        listed["data"].as_array().expect("an array").iter().map(|key| key["id"].clone()).collect();
    assert_eq!(ids, [mine["id"].clone(), also_mine["id"].clone()]);
    for list in ["/members", "/labels", "/properties"] {
        assert_eq!(page(&limited, list, "").await, page(&caller, list, "").await);
    }
}

/// Creates a few items of every list, unordered.
async fn furnish(caller: &Rest) {
    for name in ["pear", "Apple", "élan", "quince", "Zest", "banana"] {
        post(caller, "/members", json!({"email": format!("{name}@acme.example")})).await.expect(201);
        post(caller, "/labels", json!({"name": name})).await.expect(201);
        post(caller, "/properties", json!({"name": name.to_lowercase(), "kind": "text"})).await.expect(201);
        post(caller, "/api-keys", json!({"name": name, "capabilities": ["read"]})).await.expect(201);
    }
}

async fn page(caller: &Rest, list: &str, query: &str) -> Value {
    caller.get(format!("{ROOT}{list}{query}")).await.expect(200).json()
}
