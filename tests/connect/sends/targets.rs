//! The message that a reaction is about, as the request names it.

use serde_json::{Value, json};

use super::world;
use crate::support::{Rest, World};

const GROUP: &str = "120363040000000078@g.us";
const AUTHORS: [&str; 2] = ["15550107001@c.us", "15550107002@c.us"];
const AT: i64 = 1_737_976_000_000;

/// A message of the group that a number received from that author.
fn received(number: &str, id: &str, author: &str) -> Value {
    json!({"session": number, "message": {"id": id, "chat": GROUP, "fromMe": false, "sender": author, "author": author,
        "type": "chat", "body": format!("by {author}"), "timestamp": AT}})
}

async fn shown(caller: &Rest, id: &str) -> Value {
    caller.get(format!("/v1/message/{id}")).await.expect(200).json()
}

async fn react(caller: &Rest, id: &str, status: u16) -> Value {
    let path = format!("/v1/message/{id}/react");
    caller.json("POST", path, json!({"reaction": "👍"}).to_string()).await.expect(status).json()
}

/// Gives the second session a connection, too.
fn connect_second(world: &World) {
    let sql = format!(
        "INSERT INTO connections (org_id, connection_id, session_id, phone, kind, url, account, secrets, key_id, enabled)
         SELECT org_id, replace(org_id::text, '-', '') || repeat('f', 32), session_id, phone, 'external', '', '', '',
             '01234567', false
         FROM sessions WHERE session_id = '{}'",
        world.org.sessions[1]
    );
    world.sql().run_as(&world.org.id, &sql);
}

#[tokio::test]
async fn message_id_with_an_author_names_the_message_of_that_author() {
    let (world, _) = world().await;
    let number = &world.org.numbers[0];
    let lid = "189412347002@lid";
    let link = json!({"session": number, "address": {"lid": lid, "jid": AUTHORS[1]}});
    let messages = AUTHORS.map(|author| received(number, "SAME", author));
    world.import(&world.org, &[&messages[..], &[link]].concat());
    for author in AUTHORS {
        let id = format!("false_{GROUP}_SAME_{author}");
        let message = shown(&world.rest(), &id).await;
        assert_eq!((&message["message_id"], &message["body"]), (&json!(id), &json!(format!("by {author}"))));
        assert!(message["send"].is_null(), "no send is about it: {message}");
        let queued = react(&world.rest(), &id, 200).await;
        let queue_id = queued["queue_id"].as_str().expect("an id");
        for name in [queue_id, &id] {
            let message = shown(&world.rest(), name).await;
            assert_eq!(
                (&message["message_id"], &message["send"]["queue_id"]),
                (&json!(id), &json!(queue_id))
            );
        }
    }
    let message = shown(&world.rest(), &format!("false_{GROUP}_SAME_{lid}")).await;
    assert_eq!(message["author"], AUTHORS[1]);
    world.rest().get(format!("/v1/message/false_{GROUP}_SAME_15550107003@c.us")).await.expect(404);
}

#[tokio::test]
async fn unique_id_may_contain_underscores() {
    let (world, _) = world().await;
    let number = &world.org.numbers[0];
    let ids = ["a", "a_b", "a_15550107001@c.us"];
    world.import(&world.org, &ids.map(|id| received(number, id, AUTHORS[0])));
    let reacted = |id: &str| {
        let message = json!({"id": id, "chat": GROUP, "fromMe": false, "author": AUTHORS[0]});
        json!({"session": number, "reaction": {"message": message, "by": AUTHORS[1], "emoji": id, "at": AT + 1}})
    };
    world.import(&world.org, &ids.map(reacted));
    for id in ids {
        let name = format!("false_{GROUP}_{id}_{}", AUTHORS[0]);
        let message = shown(&world.rest(), &name).await;
        assert_eq!((&message["message_id"], &message["unique_id"]), (&json!(name), &json!(id)));
        let path = format!("/v1/chats/{GROUP}/messages/{name}/reactions");
        let reactions = world.rest().get(path).await.expect(200).json();
        assert_eq!(reactions["reactions"][0]["emoji"], id);
    }
}

#[tokio::test]
async fn unique_id_names_the_message_of_the_selected_number() {
    let (world, _) = world().await;
    connect_second(&world);
    let [first, second] = world.org.numbers.each_ref().map(|number| world.rest().with("x-phone", number));
    let made = |number: &String| json!({"session": number, "chat": {"jid": GROUP, "type": "group"}});
    world.import(&world.org, &world.org.numbers.each_ref().map(made));
    let body = json!({"chat_id": GROUP, "message": "Hello"}).to_string();
    let sent = first.json("POST", "/v1/message/send", body).await.expect(200).json();
    let id = sent["unique_id"].as_str().expect("an id");
    let own = format!("{}@c.us", world.org.numbers[0]);
    world.import(&world.org, &[received(&world.org.numbers[1], id, &own)]);

    react(&second, id, 404).await;
    let theirs = react(&second, &format!("false_{GROUP}_{id}_{own}"), 200).await;
    let limited = world.limited_key("read,send", &world.org.sessions[1..]);
    for (caller, number, from_me) in [
        (&first, 0, true),
        (&second, 1, false),
        (&world.anonymous().token(&limited), 1, false),
        (&world.rest(), 0, true),
    ] {
        let message = shown(caller, id).await;
        let org_phone = json!(format!("{}@c.us", world.org.numbers[number]));
        assert_eq!((&message["org_phone"], &message["from_me"]), (&org_phone, &json!(from_me)));
        assert_eq!(react(caller, id, 200).await["org_phone"], org_phone);
    }
    assert_eq!(theirs["org_phone"], format!("{}@c.us", world.org.numbers[1]));
}
