//! Search: pages, the limit of matches, and invalid requests.

use serde_json::{Value, json};

use super::{SEARCH, bodies, search, send};
use crate::support::World;

#[tokio::test]
async fn search_pages_are_contiguous() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let texts: Vec<String> = (0..7).map(|n| format!("pademelon number{n}")).collect();
    send(world, &chat, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let page = async |offset: &str, limit: &str| {
        let parameters =
            [("query", "pademelon"), ("order_by", "timestamp desc"), ("offset", offset), ("limit", limit)];
        search(world, &parameters).await
    };
    let mut read = Vec::new();
    for (offset, from, to) in [("0", 1, 3), ("3", 4, 6), ("6", 7, 7)] {
        let found = page(offset, "3").await;
        assert_eq!((&found["from"], &found["to"], &found["count"]), (&json!(from), &json!(to), &json!(7)));
        assert_eq!(found["count_is_capped"], false);
        read.extend(bodies(&found));
    }
    assert_eq!(read, texts.iter().rev().cloned().collect::<Vec<_>>());
    let beyond = page("7", "3").await;
    assert_eq!(beyond, json!({"from": 0, "to": 0, "count": 7, "count_is_capped": false, "hits": []}));
}

#[tokio::test]
async fn match_count_is_capped_at_the_newest_matches() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    // One every six hours before 2025-01-01, more than the limit; the oldest has another word.
    let fill = format!(
        "INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, from_me, body, search)
         SELECT org_id, session_id, chat_key, 'M' || n, '2025-01-01Z'::timestamptz - n * interval '6 hours', false,
             CASE WHEN n = 10101 THEN 'quoll and koala' ELSE 'koala' END,
             to_tsvector('simple', format(CASE WHEN n = 10101 THEN '%1$squoll and %1$skoala' ELSE '%1$skoala' END, right(org_id::text, 1)))
         FROM session_chats CROSS JOIN generate_series(1, 10101) n WHERE org_id = '{}'
         ON CONFLICT DO NOTHING",
        world.org.id
    );
    world.sql().run_as(&world.org.id, &fill);
    let koalas = async |order: &str, offset: &str| {
        let parameters = [("query", "koala"), ("order_by", order), ("offset", offset), ("limit", "2")];
        search(&world, &parameters).await
    };
    let ids = |found: &Value| {
        let hits = found["hits"].as_array().expect("hits");
        hits.iter().map(|hit| hit["message"]["unique_id"].clone()).collect::<Vec<_>>()
    };
    for order in ["timestamp desc", "rank desc"] {
        let first = koalas(order, "0").await;
        assert_eq!((&first["count"], &first["count_is_capped"]), (&json!(10_000), &json!(true)));
        assert_eq!(ids(&first), ["M1", "M2"]);
        let last = koalas(order, "9998").await;
        assert_eq!((&last["from"], &last["to"]), (&json!(9_999), &json!(10_000)));
        assert_eq!(ids(&last), ["M9999", "M10000"]);
        assert_eq!(koalas(order, "10000").await["hits"], json!([]));
    }
    let rare = search(&world, &[("query", "koala quoll")]).await;
    assert_eq!((&rare["count"], &rare["count_is_capped"]), (&json!(1), &json!(false)));
    let year = [
        ("query", "koala"),
        ("start_time", "2024-01-01"),
        ("end_time", "2024-12-31T12:00:00Z"),
        ("limit", "1"),
    ];
    let of_a_year = search(&world, &year).await;
    assert_eq!((&of_a_year["count"], &of_a_year["count_is_capped"]), (&json!(366 * 4 - 2), &json!(false)));
    assert_eq!(ids(&of_a_year), ["M3"]);
    let chat = search(&world, &[("query", "koala"), ("chat_id", &chat.id)]).await;
    assert_eq!((&chat["count"], &chat["count_is_capped"]), (&json!(10_000), &json!(true)));
}

#[tokio::test]
async fn invalid_search_is_rejected_with_its_field() {
    let world = World::shared().await;
    let long = "a".repeat(1001);
    let words = "word ".repeat(2000);
    let cases: [(&str, &str); 20] = [
        ("query", ""),
        ("query", "%20%09"),
        ("query", &long),
        ("query", &words),
        ("query", "a%00b"),
        ("query", "-fish%20-chips"),
        ("query", "fish%20or%20-chips"),
        ("chat_id", "x"),
        ("chat_id", ""),
        ("sender", "nobody"),
        ("from_me", "maybe"),
        ("start_time", "yesterday"),
        ("end_time", "2025-13-01"),
        ("order_by", "rank"),
        ("order_by", "timestamp asc"),
        ("order_by", "RANK desc"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("limit", "0"),
        ("limit", "201"),
    ];
    for (field, value) in cases {
        let value = value.replace(' ', "+");
        let query = if field == "query" { String::new() } else { "query=x&".to_owned() };
        let answer = world.rest().get(format!("{SEARCH}?{query}{field}={value}")).await.expect(422);
        assert!(answer.json()["fields"][field]["message"].is_string(), "{field}={value}: {}", answer.text());
    }
    // Characters, not bytes.
    let longest = "%C3%A4".repeat(1000);
    world.rest().get(format!("{SEARCH}?query={longest}&offset=10000&limit=200")).await.expect(200);
    let answer = world.rest().get(SEARCH).await.expect(422);
    assert!(answer.json()["fields"]["query"].is_object(), "{}", answer.text());
}
