//! Leases and failing endpoints: what another instance continues, what one chat does to others, what is disabled.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchboard::pb::WatchChatsRequest;

use super::{ROOT, another_server, change, create, deliveries, ids, manager, world};
use crate::support::{until, until_within};
use crate::watch::next_change;
use crate::webhooks::receiver::Receiver;

fn kill(process: u32) {
    let process = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
    kill_process(process, Signal::KILL).expect("it runs");
}

#[tokio::test]
async fn killed_instance_is_replaced_within_ten_seconds() {
    let timeout = ["--webhook-timeout", "10m"];
    let world = world(&timeout).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let [held, other] = [world.chat("Held").await, world.chat("Other").await];
    receiver.answers(|_| 0);
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &held, 3).await;
    receiver.until(|posts| posts.len() == 1).await;
    let _second = another_server(&world, &timeout).await;
    // Longer than a lease lasts: the first instance renews it while it waits for the response.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(receiver.posts().len(), 1);
    receiver.answers(|_| 200);
    change(&world, &other, 1).await;
    kill(world.process_id());
    let killed = Instant::now();
    let accepted = receiver.accepted(4).await;
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let (in_order, attempted) = (ids(&accepted, &held.jid), ids(&receiver.posts(), &held.jid));
    assert!(in_order.len() == 3 && in_order.is_sorted(), "{in_order:?}");
    assert_eq!(attempted, [&in_order[..1], &in_order[..]].concat());
}

#[tokio::test]
async fn stuck_or_rejected_chat_delays_no_other_chat() {
    let world = world(&["--webhook-timeout", "60s"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let [stuck, rejected, quick] =
        [world.chat("Stuck").await, world.chat("Rejected").await, world.chat("Quick").await];
    let (stuck_jid, rejected_jid) = (stuck.jid.clone(), rejected.jid.clone());
    receiver.answers(move |post| {
        let statuses = [(&stuck_jid, 0), (&rejected_jid, 400)];
        statuses.into_iter().find(|(jid, _)| post.is_of(jid)).map_or(200, |(_, status)| status)
    });
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &rejected, 1).await;
    receiver.until(|posts| posts.len() >= 3).await;
    change(&world, &stuck, 1).await;
    receiver.until(|posts| posts.iter().any(|post| post.is_of(&stuck.jid))).await;
    let started = Instant::now();
    for count in 1..=5 {
        change(&world, &quick, 1).await;
        receiver.accepted(count).await;
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(ids(&receiver.posts(), &stuck.jid).len(), 1);
}

/// As while two large chats of the other organization are joined.
#[tokio::test]
async fn locked_organization_delays_no_delivery_of_others() {
    let world = world(&[]).await;
    let other = world.anonymous().token(&world.key_of(&world.other, "read,send,manage").await);
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    for _ in 0..3 {
        create(&other, json!({"url": receiver.url(), "enabled": false})).await;
    }
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    let (of_other, chat) = (world.chat_of(&world.other, "Waiting").await, world.chat("Quick").await);
    other.patch(&of_other.session_path, json!({"archived": true})).await.expect(200);
    let delivery = async |count: usize| {
        let started = Instant::now();
        change(&world, &chat, 1).await;
        receiver.until(|posts| ids(posts, &chat.jid).len() == count).await;
        started.elapsed()
    };
    let without = delivery(1).await;

    // The lock of a transaction that joins chats.
    let id: uuid::Uuid = world.other.id.parse().expect("an id");
    let (high, low) = id.as_u64_pair();
    let mut locked = world.admin();
    locked.run(&format!("SELECT pg_advisory_lock({})", (high ^ low).cast_signed()));
    world.sql().run_as(&world.other.id, "UPDATE webhooks SET enabled = true");
    // The server finds it enabled, and tries to lease its deliveries.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let took = delivery(2).await;
    // Transactions that wait for the lock give up after two seconds.
    let limit = without + Duration::from_secs(2);
    assert!(took < limit, "{took:?}, and {without:?} without the lock");
    drop(locked);
    receiver.until(|posts| posts.iter().any(|post| post.is_of(&of_other.jid))).await;
}

#[tokio::test]
async fn disabled_organization_receives_nothing_from_a_run_in_progress() {
    let world = world(&["--webhook-timeout", "10m"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let [stuck, rejected] = [world.chat("Stuck").await, world.chat("Rejected").await];
    let jid = stuck.jid.clone();
    receiver.answers(move |post| if post.is_of(&jid) { 0 } else { 400 });
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    tokio::join!(change(&world, &stuck, 1), change(&world, &rejected, 1));
    receiver.until(|posts| ids(posts, &stuck.jid).len() == 1 && !ids(posts, &rejected.jid).is_empty()).await;
    world.cli(&["org", "disable", &world.org.id]);
    // The run waits for the response of the stuck chat, and leases due chats whenever it renews.
    let mut before = 0;
    until("the last attempts have ended", async || {
        before = receiver.posts().len();
        tokio::time::sleep(Duration::from_secs(3)).await;
        receiver.posts().len() == before
    })
    .await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(receiver.posts().len(), before);
    receiver.answers(|_| 200);
    world.cli(&["org", "enable", &world.org.id]);
    receiver.accepted(1).await;
}

#[tokio::test]
async fn events_that_are_not_selected_interrupt_no_attempt() {
    const EVENTS: i64 = 250_000;
    let world = world(&["--webhook-timeout", "1h"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("Slow").await;
    receiver.answers(|_| 0);
    let (id, _) = create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &chat, 1).await;
    receiver.until(|posts| posts.len() == 1).await;
    // Of a chat in bucket 1 that does not exist. Reading them takes longer than a lease lasts.
    let org = world.org.id.clone();
    let labels = format!(
        "WITH head AS (
             INSERT INTO event_heads (org_id, bucket, last) VALUES ('{org}', 1, {EVENTS})
             ON CONFLICT (org_id, bucket) DO UPDATE SET last = event_heads.last + excluded.last RETURNING last
         )
         INSERT INTO events (org_id, number, chat_key, kind, actor, changes)
         SELECT '{org}', last - {EVENTS} + n, 16000000001, 'labels', 'operator', '{{}}'
         FROM head, generate_series(1, {EVENTS}) n"
    );
    // The receiver runs on this thread.
    let mut sql = world.sql();
    tokio::task::spawn_blocking(move || sql.run_as(&org, &labels)).await.expect("no panic");
    let routed = format!(
        "webhooks w JOIN event_heads h USING (org_id)
         WHERE webhook_id = '{id}' AND h.bucket = 1 AND w.positions[2] = h.last"
    );
    let are_read = async || world.sql().count(&routed) == 1;
    until_within(Duration::from_secs(600), "the events are read", are_read).await;
    assert_eq!(receiver.posts().len(), 1, "{:#?}", receiver.posts());
}

#[tokio::test]
async fn endpoint_that_fails_for_long_is_disabled_with_an_event() {
    let world = world(&["--webhook-disable-after", "1s"]).await;
    let (caller, failing, alive) = (manager(&world).await, Receiver::start().await, Receiver::start().await);
    failing.answers(|_| 500);
    let (id, _) = create(&caller, json!({"url": failing.url(), "actions": ["state"]})).await;
    create(&caller, json!({"url": alive.url(), "actions": ["webhook.*"]})).await;
    let request = WatchChatsRequest { actions: vec!["webhook.disabled".to_owned()], ..Default::default() };
    let mut watch = world.grpc_chat().watch_chats(request).await.expect("a watch").into_inner();
    let chat = world.chat("A").await;
    change(&world, &chat, 1).await;

    let reported = alive.accepted(1).await[0].json();
    let enabled = json!({"field": format!("webhooks.{id}.enabled"), "previous": true, "current": false});
    for (field, value) in [
        ("action", json!("webhook")),
        ("type", json!("webhook.disabled")),
        ("jid", json!("")),
        ("sessionId", Value::Null),
        ("performedBy", json!("operator")),
        ("changes", json!([enabled])),
    ] {
        assert_eq!(reported[field], value, "{reported}");
    }
    let watched = next_change(&mut watch).await;
    assert_eq!((watched.r#type.as_str(), watched.chat_id.as_str()), ("webhook.disabled", ""));

    let path = format!("{ROOT}/{id}");
    let disabled = caller.get(&path).await.expect(200).json();
    let [failing_since, disabled_at] =
        ["failingSince", "disabledAt"].map(|field| disabled[field].as_i64().expect("a time"));
    assert!(disabled["enabled"] == false && disabled_at - failing_since >= 1000, "{disabled}");
    change(&world, &chat, 2).await;
    failing.answers(|_| 200);
    let waiting = deliveries(&caller, &id, "?state=waiting").await;
    assert_eq!((waiting.len(), &waiting[0]["status"]), (1, &json!(500)));

    let enabled = caller.patch(&path, json!({"enabled": true})).await.expect(200).json();
    assert_eq!((&enabled["failingSince"], &enabled["disabledAt"]), (&Value::Null, &Value::Null));
    let accepted = failing.accepted(3).await;
    assert!(ids(&accepted, &chat.jid).is_sorted());
}
