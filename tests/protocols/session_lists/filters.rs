//! Filters, orders and counts of an inbox in the list of a session.

use serde_json::{Value, json};

use super::{chats_of, furnish, listed, names};
use crate::support::{Rest, World};

/// Six chats of the first session, the newest first but one that is pinned: some assigned, closed, labelled, unread, archived.
async fn furnished() -> World {
    let world = World::start().await;
    furnish(
        &world,
        &[
            ("Alice", "15550102001@s.whatsapp.net", Some(600)),
            ("Bob", "15550102002@s.whatsapp.net", Some(500)),
            ("Carol", "15550102003@s.whatsapp.net", Some(400)),
            ("Dave", "15550102004@s.whatsapp.net", Some(300)),
            ("Group", "120363300000000001@g.us", Some(200)),
            ("Eve", "15550102006@s.whatsapp.net", None),
        ],
    );
    let (rest, email) = (world.rest(), world.org.members[0].clone());
    for (digits, change) in [
        ("15550102001", json!({"assigned_to": email, "labels": "vip, late"})),
        ("15550102002", json!({"assigned_to": email, "labels": "VIP"})),
        ("15550102003", json!({"labels": "late"})),
        ("15550102004", json!({"assigned_to": email, "labels": "vip, late"})),
    ] {
        rest.patch(format!("/v1/chats/{digits}@c.us"), change).await.expect(200);
    }
    rest.json("POST", "/v1/chats/15550102002@c.us/close", "").await.expect(200);
    let path = chats_of(&world);
    rest.patch(format!("{path}/15550102004@s.whatsapp.net"), json!({"pinned": true})).await.expect(200);
    rest.patch(format!("{path}/15550102006@s.whatsapp.net"), json!({"archived": true})).await.expect(200);
    rest.send("POST", format!("{path}/15550102003@s.whatsapp.net/unread"), "").await.expect(200);
    world
}

/// The names of all pages of one chat each.
async fn one_by_one(rest: &Rest, path: &str, query: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = listed(rest, path, &format!("{query}&limit=1&cursor={cursor}")).await;
        seen.extend(names(&page).into_iter().map(ToOwned::to_owned));
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn work_and_labels_filter_the_list_on_every_page() {
    let world = furnished().await;
    let (path, email) = (chats_of(&world), &world.org.members[0]);
    let limited = world.anonymous().token(&world.limited_key("read", &world.org.sessions[..1]));
    for rest in [world.rest(), limited] {
        for (query, expected) in [
            (format!("assignedTo={email}"), vec!["Dave", "Alice", "Bob"]),
            (format!("assignedTo={email}&closed=false"), vec!["Dave", "Alice"]),
            ("assignedTo=none".to_owned(), vec!["Carol", "Group", "Eve"]),
            ("assignedTo=none&archived=false&type=dm".to_owned(), vec!["Carol"]),
            ("assignedTo=nobody@acme.example".to_owned(), vec![]),
            ("closed=true".to_owned(), vec!["Bob"]),
            ("closed=false&pinned=false".to_owned(), vec!["Alice", "Carol", "Group", "Eve"]),
            ("labels=vip".to_owned(), vec!["Dave", "Alice", "Bob"]),
            ("labels=vip&labels=LATE".to_owned(), vec!["Dave", "Alice"]),
            ("labels=vip&labels=missing".to_owned(), vec![]),
            ("labels=late&unread=true".to_owned(), vec!["Carol"]),
            ("labels=vip&closed=false&pinned=true&q=av".to_owned(), vec!["Dave"]),
            ("q=a&archived=false&muted=false".to_owned(), vec!["Dave", "Alice", "Carol"]),
        ] {
            assert_eq!(names(&listed(&rest, &path, &query).await), expected, "{query}");
            assert_eq!(one_by_one(&rest, &path, &query).await, expected, "{query}");
        }
    }
    let rest = world.rest();
    for (query, field) in [
        ("assignedTo=nobody", "assignedTo"),
        ("closed=maybe", "closed"),
        ("labels=a%00b", "labels"),
        ("sort=name", "sort"),
    ] {
        let answer = rest.get(format!("{path}?{query}")).await.expect(422).json();
        assert!(answer["error"]["details"][field].is_string(), "{query}: {answer}");
    }
    let page = listed(&rest, &path, "labels=vip&limit=1").await;
    let cursor = page["nextCursor"].as_str().expect("more");
    for other in
        ["labels=late", "labels=vip&labels=late", "labels=vip&sort=oldest", "labels=vip&closed=false"]
    {
        rest.get(format!("{path}?{other}&cursor={cursor}")).await.expect(422);
    }
}

#[tokio::test]
async fn oldest_first_lists_pinned_chats_first() {
    let world = furnished().await;
    let (rest, path) = (world.rest(), chats_of(&world));
    rest.patch(format!("{path}/15550102001@s.whatsapp.net"), json!({"pinned": true})).await.expect(200);
    for (query, expected) in [
        ("sort=oldest", vec!["Dave", "Alice", "Eve", "Group", "Carol", "Bob"]),
        ("sort=newest", vec!["Alice", "Dave", "Bob", "Carol", "Group", "Eve"]),
        ("sort=oldest&pinned=false", vec!["Eve", "Group", "Carol", "Bob"]),
        ("sort=oldest&labels=vip", vec!["Dave", "Alice", "Bob"]),
        ("sort=oldest&archived=false&q=o", vec!["Group", "Carol", "Bob"]),
    ] {
        assert_eq!(one_by_one(&rest, &path, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn views_of_a_session_are_counted_as_they_are_listed() {
    let world = furnished().await;
    let (rest, path, email) = (world.rest(), chats_of(&world), &world.org.members[0]);
    let counts = async |path: &str, query: &str| -> Value {
        rest.get(format!("{path}:count?{query}")).await.expect(200).json()
    };
    let expected = json!({"all": 5, "unread": 1, "mine": 2, "unassigned": 2, "closed": 1, "archived": 1});
    assert_eq!(counts(&path, &format!("member={email}")).await, expected);
    for (view, filter) in [
        ("all", "archived=false".to_owned()),
        ("unread", "archived=false&unread=true".to_owned()),
        ("mine", format!("archived=false&closed=false&assignedTo={email}")),
        ("unassigned", "archived=false&closed=false&assignedTo=none".to_owned()),
        ("closed", "archived=false&closed=true".to_owned()),
        ("archived", "archived=true".to_owned()),
    ] {
        let page = listed(&rest, &path, &filter).await;
        assert_eq!(expected[view].as_u64(), Some(names(&page).len() as u64), "{view}: {page}");
    }
    let of = async |query: &str| counts(&path, query).await["all"].clone();
    assert_eq!([of("labels=vip&labels=late").await, of("type=group").await, of("q=ali").await], [2, 1, 1]);
    let none = json!({"all": 0, "unread": 0, "mine": 0, "unassigned": 0, "closed": 0, "archived": 0});
    assert_eq!(
        counts(&chats_of(&world).replace(&world.org.sessions[0], &world.org.sessions[1]), "").await,
        none
    );
    for session in ["01J9ZX8K2QHV0M3T6R7P4N5W8C", &world.other.sessions[0]] {
        let answer = rest.get(format!("/api/v1/sessions/{session}/chats:count")).await.expect(404).json();
        assert_eq!(answer["error"]["message"], "session not found");
    }
}
