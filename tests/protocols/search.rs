//! Search: matching, order, filters, permissions and snippets.

mod pages;

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::{SearchMessagesRequest, SearchMessagesResponse};

use crate::support::{Chat, Org, Protocol, World, frame};

const SEARCH: &str = "/v1/chats/messages:search";

/// 2025-01-27T11:07:56Z in Unix milliseconds: the time of the first message of a test. Each next one is a day later.
const START: i64 = 1_737_976_076_000;
const DAY: i64 = 86_400_000;

#[tokio::test]
async fn search_matches_words_in_any_inflection() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    send(world, &chat, &["Two parcels were delivered by quokka", "Nothing to see here"]);
    for query in
        ["quokka", "QUOKKA parcel", "delivering quokkas", "the quokka", "\"by quokka\"", "emu or quokka"]
    {
        assert_eq!(
            bodies(&search(world, &[("query", query)]).await),
            ["Two parcels were delivered by quokka"],
            "{query}"
        );
    }
    for query in ["quokka emu", "\"quokka parcels\"", "quokka -parcel"] {
        assert_eq!(bodies(&search(world, &[("query", query)]).await), Vec::<String>::new(), "{query}");
    }
}

#[tokio::test]
async fn hit_contains_message_rank_and_snippet() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    send(world, &chat, &["Where does the numbat live?"]);
    let found = search(world, &[("query", "numbats")]).await;
    let hit = &found["hits"][0];
    assert_eq!(hit["snippet"], "Where does the <mark>numbat</mark> live?");
    assert!(hit["rank"].as_f64().is_some_and(|rank| rank > 0.0), "{hit}");
    let shown = world.rest().get(&chat).await.expect(200).json();
    assert_eq!(hit["message"], shown["latest_message"]);
    assert_eq!(hit["message"].as_object().expect("an object").len(), 54);
}

#[tokio::test]
async fn snippet_is_escaped_html() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let body = "a <img src=x onerror=\"alert('1')\"> \u{1}bilby\u{2} & <script>alert(2)</script> </mark> <mark bilby";
    send(world, &chat, &[body]);
    let found = search(world, &[("query", "bilby")]).await;
    let snippet = found["hits"][0]["snippet"].as_str().expect("a snippet");
    assert_eq!(snippet.matches("<mark>bilby</mark>").count(), 2, "{snippet}");
    let rest = snippet.replace("<mark>bilby</mark>", "");
    assert!(!rest.contains(['<', '>', '"', '\'', '\u{1}', '\u{2}']), "{rest}");
    assert_eq!(found["hits"][0]["message"]["body"], body);
}

#[tokio::test]
async fn hits_are_ordered_by_rank_or_time() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let [best, older, newer] =
        ["cassowary cassowary cassowary", "the older cassowary", "the newer cassowary"];
    send(world, &chat, &[best, older, newer]);
    let by = async |order: &str| bodies(&search(world, &[("query", "cassowary"), ("order_by", order)]).await);
    assert_eq!(by("timestamp desc").await, [newer, older, best]);
    // Equal ranks are ordered newest first.
    assert_eq!(by("rank desc").await, [best, newer, older]);
    assert_eq!(bodies(&search(world, &[("query", "cassowary")]).await), [best, newer, older]);
}

#[tokio::test]
async fn filters_combine() {
    let world = World::shared().await;
    let (alice, bob) = (world.chat("Alice").await, world.chat("Bob").await);
    send(world, &alice, &["dunnart one", "dunnart two", "dunnart three"]);
    send(world, &bob, &["dunnart four"]);
    let number = format!("{}@c.us", world.org.numbers[0]);
    let days = |day: i64| {
        let at = jiff::Timestamp::from_millisecond(START + day * DAY).expect("a time");
        at.to_string()
    };
    // The session's own number sends the first and third message of a chat, see `send`.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 12] = [
        (&[], &["four", "three", "two", "one"]),
        (&[("chat_id", &alice.id)], &["three", "two", "one"]),
        (&[("chat_id", &alice.digits)], &["three", "two", "one"]),
        (&[("chat_id", &alice.jid)], &["three", "two", "one"]),
        (&[("from_me", "true")], &["four", "three", "one"]),
        (&[("from_me", "false")], &["two"]),
        (&[("sender", &alice.jid)], &["two"]),
        (&[("sender", &number), ("chat_id", &alice.id)], &["three", "one"]),
        (&[("start_time", &days(1))], &["three", "two"]),
        (&[("start_time", "2025-01-28"), ("end_time", &days(2))], &["two"]),
        (&[("end_time", "2025-01-28T00:00:00+00:00")], &["four", "one"]),
        (&[("sender", &bob.id), ("chat_id", &alice.id)], &[]),
    ];
    for (filter, expected) in cases {
        let query = [filter, &[("query", "dunnart"), ("order_by", "timestamp desc")]].concat();
        let mut found = bodies(&search(world, &query).await);
        let mut expected = expected.iter().map(|word| format!("dunnart {word}")).collect::<Vec<_>>();
        // Two have the same time, in chats whose message ids are independent.
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn every_address_of_a_person_selects_the_same_sender() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let lid = format!("9{}@lid", chat.digits);
    let number = &world.org.numbers[0];
    let tie = |lid: &str, jid: &str| json!({"session": number, "address": {"lid": lid, "jid": jid}});
    let one = message(number, &chat.jid, "A", false, &lid, "potoroo one", START);
    let two = message(number, &chat.jid, "B", false, &chat.id, "potoroo two", START);
    // A person who is only known from a group has no chat.
    let (other, other_lid) = (world.missing_chat_of(&world.org), format!("8{}@lid", chat.digits));
    let group = format!("120363{}@g.us", chat.digits);
    let third = message(number, &group, "C", false, &other_lid, "potoroo three", START);
    let fourth = message(number, &group, "D", false, &other.id, "potoroo four", START);
    world.import(&world.org, &[one, two, third, fourth, tie(&lid, &chat.jid), tie(&other_lid, &other.jid)]);
    for sender in [&lid, &chat.id, &chat.jid, &other_lid, &other.id] {
        let found = search(world, &[("query", "potoroo"), ("sender", sender)]).await;
        assert_eq!(found["count"], 2, "{sender}");
    }
}

#[tokio::test]
async fn search_covers_all_numbers_unless_x_phone_is_set() {
    let world = World::shared().await;
    let digits = world.chat("Alice").await.digits;
    for (number, session) in world.org.numbers.iter().zip(&world.org.sessions) {
        let chat = Chat::new(&digits, session);
        let text = format!("wallaby at {number}");
        world.import(&world.org, &[message(number, &chat.jid, "SAME", false, &chat.id, &text, START)]);
    }
    let path = target(&[("query", "wallaby")]);
    for number in &world.org.numbers {
        let found = world.rest().with("x-phone", number).get(&path).await.expect(200).json();
        assert_eq!(bodies(&found), [format!("wallaby at {number}")]);
        assert_eq!(found["hits"][0]["message"]["org_phone"], format!("{number}@c.us"));
    }
    assert_eq!(search(world, &[("query", "wallaby")]).await["count"], 2);
    world.rest().with("x-phone", "15550109998").get(&path).await.expect(404);

    let one = &world.org.sessions[1];
    let key = world.limited_key("read", std::slice::from_ref(one));
    let limited = world.anonymous().token(&key);
    let found = limited.get(&path).await.expect(200).json();
    assert_eq!(bodies(&found), [format!("wallaby at {}", world.org.numbers[1])]);
    limited.with("x-phone", &world.org.numbers[0]).get(&path).await.expect(404);
    let elsewhere = world.chat("Bob").await;
    limited.get(target(&[("query", "wallaby"), ("chat_id", &elsewhere.id)])).await.expect(404);
}

#[tokio::test]
async fn search_never_finds_messages_of_other_organizations() {
    let world = World::shared().await;
    let theirs = world.chat_of(&world.other, "Their secret").await;
    send_in(world, &world.other, &theirs, &["the thylacine is here"]);
    assert_eq!(search(world, &[("query", "thylacine")]).await["count"], 0);
    let found =
        world.anonymous().token(&world.other.key).get(target(&[("query", "thylacine")])).await.expect(200);
    assert_eq!(found.json()["count"], 1);
}

#[tokio::test]
async fn query_of_stop_words_finds_nothing() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    send(world, &chat, &["to be or not to be"]);
    for query in ["the", "to be or not to be", "\"of the\"", "?!", "😀"] {
        let found = search(world, &[("query", query)]).await;
        assert_eq!((&found["count"], &found["hits"]), (&json!(0), &json!([])), "{query}");
    }
    assert!(!world.log().contains("stop words"), "{}", world.log());
}

#[tokio::test]
async fn grpc_search_returns_the_same() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    send(world, &chat, &["a bandicoot", "and a bandicoot"]);
    let request = SearchMessagesRequest {
        query: "bandicoot".to_owned(),
        order_by: Some("timestamp desc".to_owned()),
        limit: Some(1),
        ..SearchMessagesRequest::default()
    };
    let found = world.grpc_chat().search_messages(request).await.expect("an answer").into_inner();
    assert_eq!((found.from, found.to, found.count), (1, 1, 2));
    assert_eq!(found.hits[0].snippet, "and a <mark>bandicoot</mark>");
    let nothing = SearchMessagesRequest::default();
    let error = world.grpc_chat().search_messages(nothing).await.expect_err("an empty query");
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn every_script_is_found_on_every_protocol() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let cases = [
        ("我家在上海东边。", &["上海", "海东", "家"][..]),
        ("東京タワーで会いましょう", &["タワー", "ﾀﾜｰ", "東京"]),
        ("서울에서 만나요", &["서울", "만나"]),
        ("สวัสดีครับ พรุ่งนี้เจอกัน", &["ครับ", "พรุ่งนี้"]),
        ("A confirmação chega amanhã, João", &["joao", "CONFIRMACAO", "conf amanha"]),
        ("İstanbul'da buluşalım", &["istanbul", "bulus"]),
        ("please see invoice_2025.pdf", &["invoice", "inv", "2025", "invoice_20"]),
    ];
    send(&world, &chat, &cases.map(|(text, _)| text));
    for (text, queries) in cases {
        for query in queries {
            assert_eq!(bodies(&search(&world, &[("query", query)]).await), [text], "{query}");
            let request = SearchMessagesRequest { query: (*query).to_owned(), ..Default::default() };
            let found = world.grpc_chat().search_messages(request.clone()).await.expect("an answer");
            let found: Vec<_> =
                found.into_inner().hits.into_iter().filter_map(|hit| hit.message?.body).collect();
            assert_eq!(found, [text], "{query} over gRPC");
            let caller = world.rpc(Protocol::GrpcWeb);
            let path = "/switchboard.v1.ChatService/SearchMessages";
            let answer = caller.call(path, frame(&request.encode_to_vec())).await;
            let found = SearchMessagesResponse::decode(&*answer.messages[0]).expect("a message");
            assert_eq!(found.count, 1, "{query} over gRPC-Web");
        }
    }
}

/// Sends messages a day apart: alternately from the session's own number and from the person.
fn send(world: &World, chat: &Chat, texts: &[&str]) {
    send_in(world, &world.org, chat, texts);
}

fn send_in(world: &World, org: &Org, chat: &Chat, texts: &[&str]) {
    let number = &org.numbers[0];
    let own = format!("{number}@c.us");
    let messages = texts.iter().zip(0..).map(|(text, day)| {
        let from_me = day % 2 == 0;
        let sender = if from_me { &own } else { &chat.id };
        let id = format!("S{}-{day}", chat.digits);
        message(number, &chat.jid, &id, from_me, sender, text, START + day * DAY)
    });
    world.import(org, &messages.collect::<Vec<_>>());
}

fn message(number: &str, jid: &str, id: &str, from_me: bool, sender: &str, body: &str, at: i64) -> Value {
    json!({"session": number, "message": {
        "id": id, "chat": jid, "fromMe": from_me, "sender": sender, "type": "chat", "body": body, "timestamp": at,
    }})
}

async fn search(world: &World, parameters: &[(&str, &str)]) -> Value {
    world.rest().get(target(parameters)).await.expect(200).json()
}

/// The route with this query string.
fn target(parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        let byte = |byte: u8| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        };
        text.bytes().map(byte).collect::<String>()
    };
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    format!("{SEARCH}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn bodies(found: &Value) -> Vec<String> {
    let hits = found["hits"].as_array().expect("hits");
    hits.iter().map(|hit| hit["message"]["body"].as_str().expect("a body").to_owned()).collect()
}
