//! What is sent to the Graph API, and what its errors say about it.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::connect::gateway::{Content, Gateway, MediaKind, OutgoingMessage, SendError, Sent};
use uuid::Uuid;

use super::graph::{Failure, Graph, TOKEN};
use super::{gateway, quoted};

const SEND: Uuid = Uuid::from_u128(0x0193_a5c2_7b1e_7c3d_9f20_4d5e_6f70_8192);

pub fn message(chat: &str, content: Content) -> OutgoingMessage {
    let chat = chat.parse().expect("a chat");
    OutgoingMessage { send: SEND, message_id: None, chat, reply_to: None, content }
}

/// Sends a message, with a file if it has one.
pub async fn send(gateway: &dyn Gateway, message: &OutgoingMessage) -> Result<Sent, SendError> {
    let has_file = matches!(message.content, Content::Media { .. });
    gateway.send(message, has_file.then(|| crate::connect::fake_gateway::file(b"\x00file\r\n"))).await
}

pub fn text(body: &str) -> Content {
    Content::Text { body: body.to_owned(), link_preview: true, mentions: Vec::new() }
}

fn media(kind: MediaKind, mime_type: &str, caption: Option<&str>) -> Content {
    let (mime_type, caption) = (mime_type.to_owned(), caption.map(str::to_owned));
    Content::Media { kind, mime_type, file_name: Some("a.bin".to_owned()), caption }
}

/// Messages of every kind, their types, and the fields of those names.
pub fn kinds() -> Vec<(Content, &'static str, Value)> {
    let components = json!([{"type": "body", "parameters": [{"type": "text", "text": "Asha"}]}]);
    let template = |components: &Value| Content::Template {
        name: "hello".to_owned(),
        language: "en_US".to_owned(),
        components: components.clone(),
    };
    let card = "BEGIN:VCARD\nVERSION:3.0\nFN:Ben\nTEL;waid=15550101845:+1 555 010 1845\nEND:VCARD".to_owned();
    let location = Content::Location {
        latitude: 37.5,
        longitude: -122.25,
        name: Some("Acme".to_owned()),
        address: None,
    };
    let reaction = |emoji: &str| Content::Reaction { message: quoted("wamid.OLD"), emoji: emoji.to_owned() };
    vec![
        (text("hi"), "text", json!({"body": "hi", "preview_url": true})),
        (
            media(MediaKind::Image, "image/png", Some("a cat")),
            "image",
            json!({"id": "50", "caption": "a cat"}),
        ),
        (media(MediaKind::Video, "video/mp4", None), "video", json!({"id": "51"})),
        (media(MediaKind::Audio, "audio/mpeg", None), "audio", json!({"id": "52"})),
        (
            media(MediaKind::Voice, "audio/ogg; codecs=opus", None),
            "audio",
            json!({"id": "53", "voice": true}),
        ),
        (
            media(MediaKind::Document, "application/pdf", Some("May")),
            "document",
            json!({"id": "54", "caption": "May", "filename": "a.bin"}),
        ),
        (media(MediaKind::Sticker, "image/webp", None), "sticker", json!({"id": "55"})),
        (location, "location", json!({"latitude": 37.5, "longitude": -122.25, "name": "Acme"})),
        (
            Content::Contacts { vcards: vec![card] },
            "contacts",
            json!([{
                "name": {"formatted_name": "Ben", "first_name": "Ben"},
                "phones": [{"phone": "+1 555 010 1845", "wa_id": "15550101845"}],
            }]),
        ),
        (
            template(&components),
            "template",
            json!({"name": "hello", "language": {"code": "en_US"}, "components": components}),
        ),
        (template(&Value::Null), "template", json!({"name": "hello", "language": {"code": "en_US"}})),
        (reaction("👍"), "reaction", json!({"message_id": "wamid.OLD", "emoji": "👍"})),
        (reaction(""), "reaction", json!({"message_id": "wamid.OLD", "emoji": ""})),
    ]
}

#[tokio::test]
async fn every_kind_is_sent_in_the_form_of_the_api() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    for (content, kind, expected) in kinds() {
        assert_eq!(gateway.refusal(&content), None, "{kind}");
        let sent = send(&*gateway, &message("15550101844@c.us", content)).await.expect(kind);
        assert!(sent.message_id.starts_with("wamid."), "{sent:?}");
        let call = graph.calls("/messages").pop().expect("a call").json;
        let expected = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "15550101844", "type": kind,
            kind: expected, "biz_opaque_callback_data": SEND.to_string(),
        });
        assert_eq!(call, expected, "{kind}");
    }
    let uploaded = graph.file("54");
    assert_eq!((uploaded.mime_type.as_str(), &uploaded.bytes[..]), ("application/pdf", &b"\x00file\r\n"[..]));
}

#[tokio::test]
async fn people_groups_and_quotes_are_addressed() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    for (chat, receiver) in [
        ("US.1349@bsuid", json!({"recipient_type": "individual", "recipient": "US.1349"})),
        ("120363404694233820@g.us", json!({"recipient_type": "group", "to": super::graph::GROUP})),
    ] {
        let reply = OutgoingMessage { reply_to: Some(quoted("wamid.OLD")), ..message(chat, text("hi")) };
        send(&*gateway, &reply).await.expect(chat);
        let call = graph.calls("/messages").pop().expect("a call").json;
        for name in ["recipient_type", "recipient", "to"] {
            assert_eq!(call[name], receiver[name], "{chat}");
        }
        assert_eq!(call["context"], json!({"message_id": "wamid.OLD"}));
    }
    let to_lid = send(&*gateway, &message("9988@lid", text("hi"))).await;
    assert!(matches!(to_lid, Err(SendError::Unsupported { .. })), "{to_lid:?}");
}

#[tokio::test]
async fn what_the_api_cannot_do_is_refused_unsent() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    let poll = Content::Poll { question: "?".to_owned(), options: vec!["a".to_owned()], multiple: false };
    for content in [
        poll,
        Content::Edit { message: quoted("wamid.OLD"), body: "better".to_owned() },
        Content::Delete { message: quoted("wamid.OLD") },
        media(MediaKind::Image, "image/gif", None),
        media(MediaKind::Voice, "audio/mpeg", None),
        media(MediaKind::Sticker, "image/png", None),
        media(MediaKind::Audio, "audio/mpeg", Some("a song")),
        Content::Contacts { vcards: vec!["BEGIN:VCARD\nEND:VCARD".to_owned()] },
    ] {
        assert!(gateway.refusal(&content).is_some(), "{content:?}");
        let sent = send(&*gateway, &message("15550101844@c.us", content)).await;
        assert!(matches!(sent, Err(SendError::Unsupported { .. })), "{sent:?}");
    }
    assert!(graph.calls("").is_empty());
}

#[tokio::test]
async fn errors_tell_whether_a_message_was_sent() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    let later = |seconds| Some(Duration::from_secs(seconds));
    for (failure, expected, retry_after) in [
        (Failure::Error(400, 131_047, "(#131047) Re-engagement message", None), "rejected", None),
        (Failure::Error(400, 131_026, "(#131026) Message undeliverable", None), "rejected", None),
        (Failure::Error(400, 131_049, "(#131049) Not delivered", None), "rejected", None),
        (Failure::Error(404, 132_001, "(#132001) Template name does not exist", None), "rejected", None),
        (Failure::Error(400, 130_429, "(#130429) Rate limit hit", None), "not sent", later(60)),
        (Failure::Error(400, 131_056, "(#131056) Pair rate limit hit", None), "not sent", later(6)),
        (Failure::Error(400, 80_007, "(#80007) Rate limit issues", Some(17)), "not sent", later(17)),
        (Failure::Error(500, 131_057, "(#131057) Maintenance", None), "not sent", later(60)),
        (Failure::Error(401, 190, "Session has expired", None), "not sent", None),
        (Failure::Error(429, 0, "", Some(3)), "not sent", later(3)),
        (Failure::Error(500, 131_000, "(#131000) Something went wrong", None), "unclear", None),
        (Failure::Garbage(502), "unclear", None),
        (Failure::Garbage(200), "unclear", None),
        (Failure::Garbage(400), "rejected", None),
        (Failure::LostResponse, "unclear", None),
    ] {
        graph.fail("/messages", failure.clone());
        let error = send(&*gateway, &message("15550101844@c.us", text("hi"))).await.expect_err("a failure");
        let (kind, reason, retry) = match error {
            SendError::NotSent { reason, retry_after } => ("not sent", reason, retry_after),
            SendError::Failed { reason } => ("failed", reason, None),
            SendError::Rejected { reason } => ("rejected", reason, None),
            SendError::Unclear { reason } => ("unclear", reason, None),
            SendError::Unsupported { reason } => ("unsupported", reason.to_owned(), None),
        };
        assert_eq!((kind, retry), (expected, retry_after), "{failure:?} {reason}");
        assert!(!reason.is_empty() && !reason.contains(TOKEN), "{reason}");
        if let Failure::Error(_, code @ 1.., ..) = failure {
            assert!(reason.starts_with(&code.to_string()), "{reason}");
            assert!(!reason.contains("(#"), "{reason}");
        }
    }
    graph.fail("/messages", Failure::Error(400, 131_047, "Re-engagement message", None));
    let window = send(&*gateway, &message("15550101844@c.us", text("hi"))).await;
    assert!(format!("{window:?}").contains("24 hours"), "{window:?}");
}

#[tokio::test]
async fn failed_upload_leaves_the_message_unsent() {
    let graph = Graph::start().await;
    let gateway = gateway(&graph);
    for failure in [Failure::LostResponse, Failure::Garbage(502), Failure::Error(500, 131_000, "Wrong", None)]
    {
        graph.fail("/media", failure);
        let sent =
            send(&*gateway, &message("15550101844@c.us", media(MediaKind::Image, "image/png", None))).await;
        assert!(matches!(sent, Err(SendError::NotSent { .. })), "{sent:?}");
    }
    assert!(graph.calls("/messages").is_empty());
}

#[tokio::test]
async fn unreachable_api_has_sent_nothing() {
    let graph = Graph::start().await;
    let mut unreachable = graph.clone();
    unreachable.address.set_port(1);
    let sent = send(&*gateway(&unreachable), &message("15550101844@c.us", text("hi"))).await;
    assert!(matches!(sent, Err(SendError::NotSent { .. })), "{sent:?}");
}
