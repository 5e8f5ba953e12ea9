//! The number that a chat is listed with, and the columns that are stored for lists.

use serde_json::json;

use super::{ids, listed, position, receive, strings};
use crate::support::{Chat, Rest, World};

#[tokio::test]
async fn list_without_number_has_each_chat_once() {
    let world = World::start().await;
    let [alice, bob] = [world.chat("Alice").await, world.chat("Bob").await];
    receive(&world, &world.org, 0, &[(&alice, 1), (&bob, 2)]);
    let through = async |caller: &Rest| {
        let list = caller.get("/v1/chats").await.expect(200).json();
        assert_eq!(list["count"], 2, "{list}");
        strings(&list["chats"], "chat_id")
            .into_iter()
            .zip(strings(&list["chats"], "org_phone"))
            .collect::<Vec<_>>()
    };
    let [first, second] = world.org.numbers.clone().map(|number| format!("{number}@c.us"));
    let expected = |list: [(&Chat, &String); 2]| list.map(|(chat, phone)| (chat.id.clone(), phone.clone()));
    let both = world.limited_key("read", &world.org.sessions[..2]);
    for caller in [world.rest(), world.anonymous().token(&both)] {
        assert_eq!(through(&caller).await, expected([(&bob, &first), (&alice, &first)]));
    }
    // The other number receives the message, too, and then a newer one.
    receive(&world, &world.org, 1, &[(&alice, 1)]);
    assert_eq!(through(&world.rest()).await, expected([(&bob, &first), (&alice, &first)]));
    receive(&world, &world.org, 1, &[(&alice, 3)]);
    for caller in [world.rest(), world.anonymous().token(&both)] {
        assert_eq!(through(&caller).await, expected([(&alice, &second), (&bob, &first)]));
    }
    let unread = world.rest().get("/v1/chats?unread=true").await.expect(200).json();
    assert_eq!(strings(&unread["chats"], "org_phone"), [second.as_str(), first.as_str()]);
    // The number no longer holds the chat.
    let path = alice.session_path.replace(&world.org.sessions[0], &world.org.sessions[1]);
    world.rest().delete(path).await.expect(204);
    assert_eq!(through(&world.rest()).await, expected([(&bob, &first), (&alice, &first)]));
    world.rest().delete(&bob.session_path).await.expect(204);
    let list = world.rest().get("/v1/chats").await.expect(200);
    assert_eq!((ids(&list), position(&list)), (vec![alice.id.clone()], (1, 1, json!(1))));
    assert_kept(&world);
}

#[tokio::test]
async fn limited_key_lists_only_chats_of_its_session() {
    let world = World::start().await;
    let [alice, bob] = [world.chat("Alice").await, world.chat("Bob").await];
    receive(&world, &world.org, 1, &[(&bob, 1)]);
    receive(&world, &world.org, 0, &[(&alice, 2), (&bob, 2)]);
    let key = world.limited_key("read", &world.org.sessions[1..2]);
    let limited = world.anonymous().token(&key);
    assert_eq!(listed(&limited, "").await, [bob.id.as_str()]);
    let messages = limited.get("/v1/chats/messages").await.expect(200).json();
    assert_eq!(
        (&messages["count"], strings(&messages["messages"], "unique_id")),
        (&json!(1), vec!["M1".to_owned()])
    );
    limited.get(format!("{}/messages", alice.path)).await.expect(404);
    for path in ["/v1/chats", "/v1/chats/messages"] {
        limited.with("x-phone", &world.org.numbers[1]).get(path).await.expect(200);
        let theirs = limited.with("x-phone", &world.org.numbers[0]).get(path).await.expect(404);
        let missing = limited.with("x-phone", "15550109998").get(path).await.expect(404);
        let others = world.rest().with("x-phone", &world.other.numbers[0]).get(path).await.expect(404);
        assert_eq!((theirs.body, &others.body), (missing.body.clone(), &missing.body));
    }
}

#[tokio::test]
async fn list_columns_stay_consistent_under_concurrent_writes() {
    let world = std::sync::Arc::new(World::start().await);
    let mut chats = Vec::new();
    for name in ["Alice", "Bob", "Carol", "Dave"] {
        chats.push(world.chat(name).await);
    }
    let chats = std::sync::Arc::new(chats);
    let writers = (0..6).map(|writer: usize| {
        let (world, chats) = (world.clone(), chats.clone());
        tokio::spawn(async move {
            for round in 0..6 {
                let number = writer % 2;
                let minute = (round * 7 + writer * 5) as u64;
                let some = [(&chats[round % 4], minute), (&chats[(round + writer) % 4], minute + 1)];
                receive(&world, &world.org, number, &some);
                if round % 3 == 2 {
                    let path = &chats[(writer + round) % 4].session_path;
                    let path = path.replace(&world.org.sessions[0], &world.org.sessions[number]);
                    let answer = world.rest().delete(path).await;
                    assert!([204, 404].contains(&answer.status), "{}", answer.text());
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
    assert_kept(&world);
}

/// The columns that are stored for lists equal the data of the tables.
#[track_caller]
pub fn assert_kept(world: &World) {
    let mut sql = world.sql();
    let kept = "SELECT org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread FROM chat_activity";
    let true_ones =
        "SELECT DISTINCT ON (c.org_id, c.chat_key) c.org_id, c.chat_key, c.chat_id, c.type, s.session_id,
            coalesce(s.last_message_at, '-infinity'), coalesce(s.unread > 0, false)
        FROM chats c JOIN session_chats s USING (org_id, chat_key)
        ORDER BY c.org_id, c.chat_key, s.last_message_at DESC NULLS LAST, s.session_id";
    let differ = |one: &str, other: &str| {
        format!("(SELECT * FROM ({one}) one EXCEPT SELECT * FROM ({other}) other) d")
    };
    assert_eq!(sql.count(&differ(kept, true_ones)) + sql.count(&differ(true_ones, kept)), 0);
    let kept = "SELECT org_id, list, session_id, sum(count)::bigint FROM list_counts GROUP BY 1, 2, 3 HAVING sum(count) <> 0";
    let true_ones = "SELECT org_id, 'chats', '', count(*) FROM chats GROUP BY 1
        UNION ALL SELECT org_id, 'chats', session_id, count(*) FROM session_chats GROUP BY 1, 3
        UNION ALL SELECT org_id, 'messages', session_id, count(*) FROM messages GROUP BY 1, 3";
    assert_eq!(sql.count(&differ(kept, true_ones)) + sql.count(&differ(true_ones, kept)), 0);
}
