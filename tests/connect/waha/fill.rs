//! The first sync of a connection, while live messages arrive. `make fill` syncs 1,000 chats and 50,000 messages.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::json;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tokio::task::JoinHandle;
use tonic::Streaming;

use super::ASHA;
use super::server::{PHONE, Waha, text};
use super::service::{BASE, SECRET, Service, TIMEOUT};
use crate::watch::watch;

/// Pause between two live messages.
const PAUSE: Duration = Duration::from_millis(40);

/// When a watcher received each message. Ends after the last one, or when none has arrived for long.
type Arrivals = JoinHandle<HashMap<String, Instant>>;

fn arrivals(mut watch: Streaming<WatchChatsResponse>, last: &'static str) -> Arrivals {
    tokio::spawn(async move {
        let mut arrived = HashMap::new();
        while !arrived.contains_key(last) {
            // Heartbeats come more often.
            let next = tokio::time::timeout(TIMEOUT, watch.next()).await.expect("in time");
            let change = next.expect("the watch goes on").expect("a message").change;
            if let Some(message) = change.and_then(|change| change.message) {
                let id = message.message_id.rsplit('_').next().unwrap_or_default().to_owned();
                arrived.entry(id).or_insert_with(Instant::now);
            }
        }
        arrived
    })
}

/// Sends a message as WAHA does. Returns when.
async fn send_live(service: &Service, id: &str) -> Instant {
    // What was sent before the connection was created is history, of which watchers receive nothing.
    let at = switchboard::instant::Instant::now().millis() / 1000 + 1;
    let live = text(&format!("false_{ASHA}_{id}"), "now", at);
    let sent = Instant::now();
    assert_eq!(service.webhook(SECRET, &format!("evt_{id}"), "message.any", live).await, 200);
    sent
}

#[tokio::test]
async fn one_call_fills_an_empty_inbox() {
    let is_long = std::env::var_os("FILL").is_some();
    let (chats, messages) = if is_long { (1_000_i64, 50_000) } else { (50, 1_500) };
    let waha = Waha::start().await;
    for n in 0..messages {
        let id = format!("{}_1555020{:04}@c.us_3EB0{n:08}", n % 3 == 0, n % chats);
        waha.state().add(text(&id, &format!("message {n}"), BASE + n));
    }
    let service = Service::start(waha).await;
    let started = Instant::now();
    let created = WatchChatsRequest { actions: vec!["message.created".to_owned()], ..Default::default() };
    let arrivals = arrivals(watch(&service.world, created).await, "3EB0LIVELAST");
    // What happens now does not wait for the history.
    let mut sent = Vec::new();
    let connection = loop {
        let id = format!("3EB0LIVE{:04}", sent.len());
        sent.push((send_live(&service, &id).await, id));
        tokio::time::sleep(PAUSE).await;
        let connection = service.connection().await;
        if connection["completeUntil"].is_i64() {
            break connection;
        }
        assert!(started.elapsed() < Duration::from_secs(600), "not synced: {connection:#}");
    };
    let seconds = started.elapsed().as_secs_f64();
    send_live(&service, "3EB0LIVELAST").await;
    let arrived = tokio::time::timeout(2 * TIMEOUT, arrivals).await.expect("in time").expect("all messages");
    let delay = |(sent, id): &(Instant, String)| arrived[id] - *sent;
    let mut delays: Vec<Duration> = sent.iter().map(delay).collect();
    delays.sort_unstable();
    let live = i64::try_from(delays.len()).expect("a few");
    let slowest = delays[delays.len() * 99 / 100];
    let mut sql = service.world.database.sql();
    let of_phone = format!("JOIN sessions USING (org_id, session_id) WHERE phone = '{PHONE}'");
    assert_eq!(sql.count(&format!("messages {of_phone}")), messages + live + 1, "{connection:#}");
    assert_eq!(sql.count(&format!("session_chats {of_phone}")), chats + 1);
    let unread = sql.value(&format!("SELECT coalesce(sum(unread), 0)::int8 FROM session_chats {of_phone}"));
    assert_eq!(unread, live + 1, "only the live messages are unread");
    assert_eq!((&connection["status"], &connection["sync"]["error"]), (&json!("connected"), &json!("")));
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = messages as f64 / seconds;
    println!(
        "{messages} messages in {seconds:.1} s, {rate:.0} a second; p99 of {live} live ones {slowest:?}"
    );
    assert!(!is_long || slowest < Duration::from_millis(300), "{slowest:?}");
    assert!(!is_long || rate >= 2_000.0, "{rate:.0} messages a second");
}
