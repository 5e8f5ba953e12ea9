//! Reading a list page by page during writes: an unmoved chat is on exactly one page, in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{chats_of, furnish};
use crate::support::{Rest, World};

const CHATS: i64 = 300;
const WALKS: usize = 50;

/// Every fifth chat is pinned, archived and written to during the test.
fn moves(at: i64) -> bool {
    at % 5 == 0
}

fn jid(at: i64) -> String {
    format!("1555010{:04}@s.whatsapp.net", 4000 + at)
}

#[tokio::test]
async fn unmoved_chat_is_on_exactly_one_page() {
    let world: &'static World = Box::leak(Box::new(World::start().await));
    let jids: Vec<String> = (0..CHATS).map(jid).collect();
    // Some chats have equal times, some have none.
    let at = |at: i64| (at % 7 > 0).then_some(1_000 + at / 3);
    let chats: Vec<_> =
        jids.iter().zip(0..).map(|(jid, number)| ("chat", jid.as_str(), at(number))).collect();
    furnish(world, &chats);
    let (rest, path) = (world.rest(), chats_of(world));
    for at in (1..CHATS).step_by(17).filter(|at| !moves(*at)) {
        rest.patch(format!("{path}/{}", jid(at)), json!({"pinned": true})).await.expect(200);
    }
    let steady = steady(&walk(&rest, &path, 200).await);
    assert_eq!(steady.len(), 240);

    let (is_over, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writing = JoinSet::new();
    for writer in 0..3 {
        let (rest, path, is_over, writes) = (rest.clone(), path.clone(), is_over.clone(), writes.clone());
        writing.spawn(async move {
            let mut round = writer;
            while !is_over.load(Ordering::Relaxed) {
                round += 3;
                if writer == 0 {
                    let messages: Vec<Value> = (0..20).map(|at| message(world, round * 20 + at)).collect();
                    let import = move || world.import(&world.org, &messages);
                    tokio::task::spawn_blocking(import).await.expect("imported");
                } else {
                    let chat = format!("{path}/{}", jid(round * 5 % CHATS));
                    let flags = json!({"pinned": round % 2 == 0, "archived": round % 7 == 0});
                    rest.patch(chat, flags).await.expect(200);
                }
                writes.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for number in 0..WALKS {
        let seen = walk(&rest, &path, 11 + number % 20).await;
        let mut times: BTreeMap<&String, usize> = BTreeMap::new();
        seen.iter().for_each(|jid| *times.entry(jid).or_default() += 1);
        assert_eq!(self::steady(&seen), steady, "walk {number}");
    }
    is_over.store(true, Ordering::Relaxed);
    writing.join_all().await;
    assert!(writes.load(Ordering::Relaxed) > 100, "they hardly wrote: {writes:?}");
}

/// The unmoved chats, in the order they were listed in, with repetitions.
fn steady(seen: &[String]) -> Vec<String> {
    let still: Vec<String> = (0..CHATS).filter(|at| !moves(*at)).map(jid).collect();
    seen.iter().filter(|jid| still.contains(jid)).cloned().collect()
}

/// A message that moves one of the moving chats to the top.
fn message(world: &World, number: i64) -> Value {
    let message = json!({
        "id": format!("N{number}"), "chat": jid(number * 5 % CHATS), "fromMe": false, "timestamp": 2_000_000 + number * 1000,
    });
    json!({"session": world.org.numbers[0], "message": message})
}

/// The JIDs of all pages.
async fn walk(rest: &Rest, path: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rest.get(format!("{path}?limit={limit}&cursor={cursor}")).await.expect(200).json();
        let data = page["data"].as_array().expect("data").iter();
        seen.extend(data.map(|chat| chat["jid"].as_str().expect("a JID").to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return seen,
        }
    }
}
