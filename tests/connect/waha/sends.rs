//! The requests that send messages, and what is certain when they fail.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::connect::gateway::{
    Content, Gateway, MediaKind, OutgoingMessage, QuotedMessage, SendError, Sent,
};
use uuid::Uuid;

use super::server::{Failure, KEY, PHONE, Waha, text};
use super::{ASHA, TEAM, gateway, gateway_at, incoming};

pub fn to(chat: &str, content: Content, gateway: &dyn Gateway) -> OutgoingMessage {
    let message_id = gateway.new_message_id(&content);
    let chat = chat.parse().expect("a chat");
    OutgoingMessage { send: Uuid::nil(), message_id, chat, reply_to: None, content }
}

/// Sends a message, with a file if it has one.
pub async fn send(gateway: &dyn Gateway, message: &OutgoingMessage) -> Result<Sent, SendError> {
    let has_file = matches!(message.content, Content::Media { .. });
    gateway.send(message, has_file.then(|| crate::connect::fake_gateway::file(b"abc"))).await
}

fn plain(body: &str) -> Content {
    Content::Text { body: body.to_owned(), link_preview: false, mentions: Vec::new() }
}

fn file(kind: MediaKind, mime_type: &str) -> Content {
    let (file_name, caption) = (Some("a.bin".to_owned()), Some("look".to_owned()));
    Content::Media { kind, mime_type: mime_type.to_owned(), file_name, caption }
}

/// Every content that is a message of its own, with its route and fields of its request.
pub fn kinds() -> Vec<(Content, &'static str, Value)> {
    let vcards = vec!["BEGIN:VCARD\nFN:Ravi\nEND:VCARD".to_owned()];
    let contacts = json!({ "contacts": [{ "vcard": vcards[0] }] });
    let options = vec!["Yes".to_owned(), "No".to_owned()];
    let place =
        Content::Location { latitude: 48.8, longitude: 2.3, name: Some("Tower".into()), address: None };
    let poll = Content::Poll { question: "Lunch?".to_owned(), options, multiple: true };
    let asked = json!({ "poll": { "name": "Lunch?", "options": ["Yes", "No"], "multipleAnswers": true } });
    let data = json!({ "mimetype": "image/png", "filename": "a.bin", "data": "YWJj" });
    let caption = || json!({ "caption": "look" });
    vec![
        (plain("hi"), "sendText", json!({ "text": "hi", "linkPreview": false })),
        (file(MediaKind::Image, "image/png"), "sendImage", json!({ "file": data, "caption": "look" })),
        (file(MediaKind::Video, "video/mp4"), "sendVideo", json!({ "asNote": false, "convert": false })),
        (file(MediaKind::Document, "application/pdf"), "sendFile", caption()),
        (file(MediaKind::Audio, "audio/mpeg"), "sendFile", caption()),
        (file(MediaKind::Voice, "audio/mpeg"), "sendVoice", json!({ "convert": true })),
        (file(MediaKind::Sticker, "image/webp"), "sendSticker", json!({})),
        (place, "sendLocation", json!({ "latitude": 48.8, "longitude": 2.3, "title": "Tower" })),
        (Content::Contacts { vcards }, "sendContactVcard", contacts),
        (poll, "sendPoll", asked),
    ]
}

#[tokio::test]
async fn every_kind_of_message_is_sent_as_waha_documents() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    for (content, route, expected) in kinds() {
        let mut message = to(ASHA, content, &*gateway);
        message.reply_to = Some(incoming("3EB0A"));
        let sent = send(&*gateway, &message).await.expect(route);
        let call = waha.calls("/api/send").pop().expect("a request");
        assert_eq!(call.path, format!("/api/{route}"));
        let is_in = |(name, value): (&String, &Value)| call.body[name] == *value;
        assert!(expected.as_object().expect("fields").iter().all(is_in), "{route}: {}", call.body);
        assert_eq!((&call.body["chatId"], &call.body["session"]), (&json!(ASHA), &json!("default")));
        assert_eq!(call.body["reply_to"], format!("false_{ASHA}_3EB0A"));
        assert_eq!(call.body.get("id").and_then(Value::as_str), message.message_id.as_deref(), "{route}");
        assert!(message.message_id.is_none_or(|id| id == sent.message_id), "{route}");
    }
}

#[tokio::test]
async fn messages_are_reacted_to_edited_and_deleted() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    waha.state().add(text(&format!("true_{TEAM}_3EB0B_{PHONE}@c.us"), "all", 1_760_000_000));
    let own = QuotedMessage { id: "3EB0B".to_owned(), from_me: true, author: None };
    let complete = format!("true_{TEAM}_3EB0B_{PHONE}@c.us");
    for content in [
        Content::Reaction { message: own.clone(), emoji: "👍".to_owned() },
        Content::Edit { message: own.clone(), body: "everyone".to_owned() },
        Content::Delete { message: own.clone() },
    ] {
        assert_eq!(send(&*gateway, &to(TEAM, content, &*gateway)).await.expect("sent").message_id, "3EB0B");
    }
    assert_eq!(waha.calls("/api/reaction")[0].body["messageId"], complete);
    let changed: Vec<_> =
        waha.calls("/api/default/chats").iter().map(|call| call.method.to_string()).collect();
    assert_eq!(
        (changed, waha.state().messages[0]["body"].as_str()),
        (vec!["PUT".into(), "DELETE".into()], Some("everyone"))
    );
    let template = Content::Template { name: "hello".into(), language: "en".into(), components: Value::Null };
    assert_eq!(gateway.refusal(&template), Some("WAHA has no templates"));
}

#[tokio::test]
async fn failures_of_sends_say_what_is_certain() {
    let waha = Waha::start().await;
    let gateway = gateway(&waha);
    let stopped = json!({ "error": "Session status", "status": "STOPPED", "expected": ["WORKING"] });
    for (failure, expected) in [
        (Failure::Status(422, stopped), "not sent"),
        (Failure::Status(429, json!({})), "not sent"),
        (Failure::Status(401, json!({})), "not sent"),
        (Failure::Status(404, json!({ "message": "Session not found" })), "not sent"),
        (Failure::Status(400, json!({ "message": ["text must be a string"] })), "rejected"),
        (Failure::Status(422, json!({ "message": "not supported" })), "rejected"),
        (Failure::Status(500, json!({})), "unclear"),
        (Failure::Status(504, json!({})), "unclear"),
        (Failure::Done(502), "unclear"),
        (Failure::Silence, "unclear"),
    ] {
        waha.fail("/api/send", failure.clone());
        let error = send(&*gateway, &to(ASHA, plain("hi"), &*gateway)).await.expect_err("a failure");
        let found = match error {
            SendError::NotSent { .. } => "not sent",
            SendError::Failed { .. } => "failed",
            SendError::Rejected { .. } => "rejected",
            SendError::Unclear { .. } => "unclear",
            SendError::Unsupported { .. } => "unsupported",
        };
        assert_eq!(found, expected, "{failure:?}");
    }
    let nobody = gateway_at("http://127.0.0.1:1".to_owned(), KEY, Duration::from_secs(1));
    let error = send(&*nobody, &to(ASHA, plain("hi"), &*nobody)).await.expect_err("nobody listens");
    assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    // Reacting twice is reacting once.
    let reaction = Content::Reaction { message: incoming("3EB0A"), emoji: "👍".to_owned() };
    for failure in [Failure::Silence, Failure::Status(503, json!({}))] {
        waha.fail("/api/reaction", failure);
        let error = send(&*gateway, &to(ASHA, reaction.clone(), &*gateway)).await.expect_err("a failure");
        assert!(matches!(error, SendError::NotSent { .. }), "{error:?}");
    }
    for status in [404, 500] {
        waha.fail("/api/reaction", Failure::Status(status, json!({ "message": "no such message" })));
        let error = send(&*gateway, &to(ASHA, reaction.clone(), &*gateway)).await.expect_err("a failure");
        assert!(matches!(error, SendError::Failed { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn send_is_repeatable_only_where_the_engine_keeps_ids() {
    for (engine, keeps) in [("GOWS", true), ("NOWEB", true), ("WEBJS", false), ("WPP", false)] {
        let waha = Waha::start().await;
        waha.state().engine = engine;
        let gateway = gateway(&waha);
        assert_eq!(gateway.can_repeat(&plain("hi")).await, keeps, "{engine}");
        assert!(!gateway.can_repeat(&file(MediaKind::Image, "image/png")).await, "{engine}");
        let message = to(ASHA, plain("hi"), &*gateway);
        waha.fail("/api/send", Failure::Silence);
        assert!(send(&*gateway, &message).await.is_err());
        assert!(send(&*gateway, &message).await.is_ok());
        assert_eq!(waha.state().sent.len(), if keeps { 1 } else { 2 }, "{engine}");
    }
}
