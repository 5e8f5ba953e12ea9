//! Leases and failing endpoints: what another instance continues, what one chat does to others, what is disabled.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchboard::pb::WatchChatsRequest;

use super::{ROOT, another_server, change, create, deliveries, ids, manager, world};
use crate::webhooks::receiver::Receiver;

fn kill(process: u32) {
    let process = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
    kill_process(process, Signal::KILL).expect("it runs");
}

#[tokio::test]
async fn killed_instance_is_replaced_within_ten_seconds() {
    let timeout = ["--webhook-timeout", "60s"];
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
    let watched = async {
        loop {
            if let Some(change) = watch.message().await.expect("no error").expect("no end").change {
                return change;
            }
        }
    };
    let watched = tokio::time::timeout(Duration::from_secs(60), watched).await.expect("an event");
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
