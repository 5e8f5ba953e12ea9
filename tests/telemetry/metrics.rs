//! Metrics of the database, of streams, and of change events that are not processed yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use switchboard::pb::WatchChatsRequest;

use crate::ingest::stream::connector::Connector;
use crate::ingest::stream::message;
use crate::support::{Chat, World};

/// Far longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

async fn world() -> World {
    World::start_with("127.0.0.1:0", &["--metrics-address", "127.0.0.1:0"]).await
}

async fn note(world: &World, chat: &Chat, note: &str) {
    world.rest().patch(chat, json!({"custom_properties": {"note": note}})).await.expect(200);
}

/// The value of a series, such as `switchboard_ready`; `None` when there is no such series.
async fn value(world: &World, series: &str) -> Option<f64> {
    let text = world.metrics().await;
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Waits until the value of a series is what it should be.
async fn wait_for(world: &World, series: &str, is_expected: impl Fn(f64) -> bool) {
    let waiting = async {
        while !value(world, series).await.is_some_and(&is_expected) {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(TIMEOUT, waiting).await.is_err() {
        panic!("{series} is {:?}:\n{}", value(world, series).await, world.metrics().await);
    }
}

/// Names of the statements that were measured.
fn statements(metrics: &str) -> BTreeSet<&str> {
    let count = "switchboard_database_statement_duration_seconds_count{statement=";
    metrics.lines().filter_map(|line| line.strip_prefix(count)?.split('"').nth(1)).collect()
}

#[tokio::test]
async fn statements_connections_and_schema_are_measured() {
    let world = world().await;
    let chat = world.chat("Alice").await;
    world.rest().get(&chat).await.expect(200);
    note(&world, &chat, "one").await;
    let text = world.metrics().await;
    let names = statements(&text);
    for name in ["BEGIN", "COMMIT", "SELECT session_chats", "INSERT chat_properties"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    // Only verbs, tables and views: nothing that a client controls.
    let tables = "SELECT relname FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'pg_catalog'::regnamespace)";
    let tables = world.sql().rows(tables);
    for name in names {
        let table = name.split_once(' ').map(|(_, table)| table);
        let is_known = |table: &str| tables.iter().any(|known| known["relname"] == table);
        assert!(table.is_none_or(is_known), "{name}");
    }
    let newest = world.sql().value("SELECT max(version)::bigint FROM __diesel_schema_migrations");
    wait_for(&world, "switchboard_database_schema_version", |version| json!(version as i64) == newest).await;
    wait_for(&world, r#"switchboard_database_connections{state="in_use"}"#, |open| open == 0.0).await;
    wait_for(&world, r#"switchboard_database_connections{state="idle"}"#, |open| open >= 1.0).await;
}

#[tokio::test]
async fn statement_that_depends_on_the_request_has_its_own_name() {
    let args = ["--metrics-address", "127.0.0.1:0", "--database-pool-size", "1"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let chat = world.chat("Alice").await;
    for path in
        ["/v1/note", "/v1/note?chat_id=15550101001", "/v1/chats", "/v1/chats?query=a", "/v1/chats/messages"]
    {
        world.rest().get(path).await.expect(200);
        world.rest().get(&chat).await.expect(200);
    }
    let text = world.metrics().await;
    let names = statements(&text);
    for name in ["SELECT notes", "SELECT chats", "SELECT list_counts"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn probe_is_served_whatever_others_hold_open() {
    let world = world().await;
    let probe = world.metrics_rest();
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(tokio::net::TcpStream::connect(probe.address()).await.expect("the listener"));
    }
    let answer = tokio::time::timeout(Duration::from_secs(5), probe.get("/livez")).await;
    answer.expect("in time").expect(200);
}

#[tokio::test]
async fn open_streams_and_ingested_events_are_counted() {
    let world = world().await;
    let streams = |rpc: &str| format!(r#"switchboard_streams{{rpc="/switchboard.v1.{rpc}"}}"#);
    let watch = world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch");
    wait_for(&world, &streams("ChatService/WatchChats"), |open| open == 1.0).await;
    drop(watch);
    wait_for(&world, &streams("ChatService/WatchChats"), |open| open == 0.0).await;

    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    wait_for(&world, &streams("IngestService/Ingest"), |open| open == 1.0).await;
    connector.apply(1, message("M1")).await;
    connector.apply(2, message("M2")).await;
    connector.apply(3, message("")).await;
    connector.acknowledged(3).await.expect("acknowledged");
    connector.close().await.expect("a good end");
    wait_for(&world, &streams("IngestService/Ingest"), |open| open == 0.0).await;
    let events =
        |outcome: &str| format!(r#"switchboard_ingest_events_total{{kind="message",outcome="{outcome}"}}"#);
    assert_eq!(value(&world, &events("stored")).await, Some(2.0));
    assert_eq!(value(&world, &events("rejected")).await, Some(1.0), "{}", world.metrics().await);
}

#[tokio::test]
async fn event_lag_of_watchers_grows_while_events_cannot_be_read() {
    let world = world().await;
    let lag = r#"switchboard_events_lag_seconds{reader="watchers"}"#;
    let watch = world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch");
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE event_heads");
    wait_for(&world, lag, |lag| lag > 1.0).await;
    sql.run("COMMIT");
    wait_for(&world, lag, |lag| lag < 1.0).await;
    drop(watch);
    wait_for(&world, lag, |lag| lag == 0.0).await;
}

#[tokio::test]
async fn event_lag_of_webhooks_grows_while_nothing_is_sent() {
    let world = world().await;
    let lag = r#"switchboard_events_lag_seconds{reader="webhooks"}"#;
    wait_for(&world, lag, |lag| lag == 0.0).await;
    let chat = world.chat("Alice").await;
    note(&world, &chat, "one").await;
    let mut sql = world.sql();
    let paused = "UPDATE webhooks SET enabled = true, retry_at = now() + interval '1 day'";
    sql.run_as(&world.org.id, paused);
    wait_for(&world, lag, |lag| lag > 0.0).await;
    // Webhooks with a failing receiver do not count: their owner must fix the receiver.
    sql.run_as(&world.org.id, "UPDATE webhooks SET failing_since = now()");
    wait_for(&world, lag, |lag| lag == 0.0).await;
    // Events that wait in the queue count, too.
    let queued = format!(
        "UPDATE webhooks SET failing_since = NULL, positions = ARRAY(SELECT 1000000000 FROM generate_series(1, 16));
         INSERT INTO webhook_queues (org_id, webhook_id, chat_key) VALUES ('{}', '{}', 1)",
        world.org.id, world.org.webhook
    );
    sql.run_as(&world.org.id, &queued);
    wait_for(&world, lag, |lag| lag > 0.0).await;
}

/// The rules of `promtool check metrics`: every metric has a help text and one type.
#[tokio::test]
async fn metrics_follow_prometheus_conventions() {
    let world = world().await;
    let chat = world.chat("Alice").await;
    note(&world, &chat, "one").await;
    let text = world.metrics().await;
    let (mut helps, mut types) = (BTreeSet::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(!words.trim().is_empty() && helps.insert(name), "{line}");
        } else if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(types.insert(name, kind).is_none(), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(name.starts_with("switchboard_") && !name.contains("__"), "{line}");
            let is_reserved = ["_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
            assert!(!is_reserved && !name.contains("millis") && !name.contains("minutes"), "{line}");
        } else {
            assert_sample(line, &types);
        }
    }
    assert!(types.len() > 10 && types.keys().copied().eq(helps), "{text}");
}

/// The sample belongs to a metric with a declared type, and its value is a number.
fn assert_sample(line: &str, types: &BTreeMap<&str, &str>) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    assert!(value.parse::<f64>().is_ok(), "{line}");
    let name = series.split('{').next().unwrap_or_default();
    let of_histogram = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
    let mut metrics = of_histogram.filter(|name| types.get(name) == Some(&"histogram"));
    assert!(metrics.next().is_some() || types.get(name).is_some_and(|kind| *kind != "histogram"), "{line}");
}

#[tokio::test]
async fn queue_and_attempts_of_sends_are_measured() {
    let flags = ["--metrics-address", "127.0.0.1:0", "--allow-simulator"];
    let world = World::start_with("127.0.0.1:0", &flags).await;
    // Each of the two organizations has a queued send.
    wait_for(&world, "switchboard_sends_queued", |sends| sends == 2.0).await;
    wait_for(&world, "switchboard_sends_queued_age_seconds", |age| age > 1.0).await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let session = &world.org.sessions[1];
    let connection = json!({"kind": "simulator", "sessionId": session});
    manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
    let body = json!({"jid": "15550107777@s.whatsapp.net", "text": "Hello"}).to_string();
    manager.json("POST", format!("/api/v1/sessions/{session}/messages"), body).await.expect(202);
    let attempts = r#"switchboard_sends_attempts_total{kind="simulator",outcome="accepted"}"#;
    // That of the organization, too.
    wait_for(&world, attempts, |attempts| attempts == 2.0).await;
    wait_for(&world, "switchboard_sends_queued", |sends| sends == 1.0).await;
}
