//! Checks webhooks: their signature, their age, and that they are of this connection's session.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::Value;

use super::fields;
use super::message_id;
use crate::connect::gateway::{EmbeddedFile, InboundRequest, RawEvent, Received, Refused};
use crate::connect::lenient;
use crate::connect::settings::ConnectionSettings;
use crate::connect::signature::is_signed;
use crate::digest::{hex, sha256};

/// Older events are rejected. Younger ones that arrive again are known by their id, and WAHA gives up retrying much sooner.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);
/// Previews and keys that nothing reads and that make raw events large.
const LARGE: [&str; 6] =
    ["jpegThumbnail", "JPEGThumbnail", "thumbnail", "mediaKey", "messageSecret", "mediaData"];
/// The messages of an event.
const MESSAGES: [&str; 3] = ["/payload", "/payload/before", "/payload/after"];

/// Checks a request. The signature covers the body only, so the time in the header proves nothing: that in the body counts.
pub(super) fn receive(settings: &ConnectionSettings, request: &InboundRequest) -> Result<Received, Refused> {
    let Some(body) = &request.body else {
        return Err(refused(StatusCode::BAD_REQUEST, "not a POST request"));
    };
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-webhook-hmac-algorithm").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("sha512")) {
        return Err(refused(StatusCode::UNAUTHORIZED, "an unknown signature algorithm"));
    }
    let signature = header("x-webhook-hmac").unwrap_or_default();
    if !is_signed(hmac::HMAC_SHA512, settings.webhook_secret.expose(), body, signature) {
        return Err(refused(StatusCode::UNAUTHORIZED, "a wrong signature"));
    }
    let mut event = lenient::webhook(body).ok_or(refused(StatusCode::BAD_REQUEST, "not a JSON object"))?;
    if fields::instant(&event, &["/timestamp"]).is_some_and(|at| at.later_by(MAX_AGE) < request.at) {
        return Err(refused(StatusCode::UNAUTHORIZED, "an event of more than 7 days ago"));
    }
    // One webhook of a server may be for all its sessions.
    let account = fields::text(&event, &["/session"]).filter(|session| *session != settings.account);
    let key = fields::text(&event, &["/id"]).unwrap_or_else(|| hex(&sha256(body)));
    let files = take_files(&mut event);
    remove_large(&mut event);
    let chat = chat(&event);
    Ok(Received::Events(vec![RawEvent { key, body: event, chat, account, business_account: None, files }]))
}

fn refused(status: StatusCode, reason: &'static str) -> Refused {
    Refused { status, reason }
}

/// The chat of an event, by which events are ordered.
fn chat(event: &Value) -> String {
    let id =
        fields::text(event, &["/payload/id", "/payload/after/id", "/payload/vote/id", "/payload/group/id"]);
    let id = id.or_else(|| fields::text(event, &["/payload/from"])).unwrap_or_default();
    message_id::parse(&id).map_or(id.as_str(), |id| id.chat).to_owned()
}

/// Takes the files out of an event that contains them in base64, as such or as a data URL.
fn take_files(event: &mut Value) -> Vec<EmbeddedFile> {
    let take = |message: &str| {
        let media = event.pointer_mut(&format!("{message}/media"))?.as_object_mut()?;
        let data = media.remove("data")?;
        let base64 = data.as_str()?.rsplit(";base64,").next()?;
        let bytes = STANDARD.decode(base64).ok()?.into();
        media.insert("data".to_owned(), Value::Null);
        let mime_type = media.get("mimetype").and_then(Value::as_str).map(str::to_owned);
        Some(EmbeddedFile { place: format!("{message}/media/data"), mime_type, bytes })
    };
    MESSAGES.into_iter().filter_map(take).collect()
}

/// Removes previews. The raw body of a message of WhatsApp Web is one too; its text is in the payload.
fn remove_large(event: &mut Value) {
    match event {
        Value::Object(fields) => {
            fields.retain(|name, _| !LARGE.contains(&name.as_str()));
            if let Some(Value::Object(data)) = fields.get_mut("_data") {
                data.remove("body");
            }
            fields.values_mut().for_each(remove_large);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_large),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::config::Secret;
    use crate::instant::Instant;

    const BODY: &str = r#"{"event":"message","session":"default","engine":"WEBJS"}"#;
    /// The example of WAHA's documentation, whose key is `my-secret-key`.
    const SIGNATURE: &str = "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8\
        097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89";

    fn outcome(key: &str, body: &str, headers: &[(&'static str, &str)]) -> Result<Received, Refused> {
        let settings = ConnectionSettings {
            url: "http://waha.acme.example:3000".to_owned(),
            account: "default".to_owned(),
            phone: "15550100400".parse().unwrap(),
            api_key: Secret::new("key"),
            webhook_secret: Secret::new(key),
            verify_token: Secret::new(""),
            business_account: String::new(),
        };
        let mut fields = HeaderMap::new();
        for (name, value) in headers {
            fields.insert(*name, value.parse().unwrap());
        }
        let body = Some(Bytes::copy_from_slice(body.as_bytes()));
        let at = Instant::from_micros(1_760_000_000_000_000);
        receive(&settings, &InboundRequest { query: String::new(), headers: fields, body, at })
    }

    fn signed(body: &str) -> Result<Received, Refused> {
        let key = hmac::Key::new(hmac::HMAC_SHA512, b"my-secret-key");
        let signature = hex(hmac::sign(&key, body.as_bytes()).as_ref());
        outcome(
            "my-secret-key",
            body,
            &[("x-webhook-hmac", &signature), ("x-webhook-hmac-algorithm", "sha512")],
        )
    }

    #[test]
    fn published_signature_is_accepted_and_every_other_one_rejected() {
        assert!(outcome("my-secret-key", BODY, &[("x-webhook-hmac", SIGNATURE)]).is_ok());
        let upper = SIGNATURE.to_uppercase();
        assert!(outcome("my-secret-key", BODY, &[("x-webhook-hmac", &upper)]).is_ok());
        let sha256 = [("x-webhook-hmac", SIGNATURE), ("x-webhook-hmac-algorithm", "sha256")];
        for (case, outcome) in [
            ("no signature", outcome("my-secret-key", BODY, &[])),
            ("another key", outcome("your-secret-key", BODY, &[("x-webhook-hmac", SIGNATURE)])),
            ("no key", outcome("", BODY, &[("x-webhook-hmac", SIGNATURE)])),
            ("another body", outcome("my-secret-key", "{}", &[("x-webhook-hmac", SIGNATURE)])),
            ("half of it", outcome("my-secret-key", BODY, &[("x-webhook-hmac", &SIGNATURE[..64])])),
            ("another algorithm", outcome("my-secret-key", BODY, &sha256)),
        ] {
            assert_eq!(outcome.unwrap_err().status, StatusCode::UNAUTHORIZED, "{case}");
        }
    }

    #[test]
    fn replay_of_more_than_a_week_is_rejected() {
        let of = |millis: i64| format!(r#"{{"id":"evt_1","timestamp":{millis},"session":"default"}}"#);
        let week = 7 * 24 * 3_600_000;
        assert!(signed(&of(1_760_000_000_000 - week)).is_ok());
        assert!(signed(&of(1_760_000_000_000 - week - 1)).is_err());
    }

    #[test]
    fn raw_event_has_its_key_its_chat_and_no_previews() {
        let body = r#"{"id":"evt_1","session":"default","payload":{"id":"false_15550101844@c.us_A","body":"hi",
            "_data":{"body":"/9j/4AAQ","type":"image","message":{"imageMessage":{"jpegThumbnail":"/9j/"}}}}}"#;
        let Ok(Received::Events(events)) = signed(body) else { panic!("not accepted") };
        assert_eq!((events[0].key.as_str(), events[0].chat.as_str()), ("evt_1", "15550101844@c.us"));
        assert_eq!(
            (events[0].account.as_deref(), &events[0].body["payload"]["body"]),
            (None, &Value::from("hi"))
        );
        assert!(!events[0].body.to_string().contains("/9j/"), "{}", events[0].body);
        let Ok(Received::Events(events)) = signed(r#"{"session":"other"}"#) else { panic!("not accepted") };
        assert_eq!((events[0].account.as_deref(), events[0].key.len()), (Some("other"), 64));
    }

    #[test]
    fn file_is_taken_out_of_the_raw_event() {
        let body = r#"{"id":"evt_1","session":"default","payload":{"id":"false_15550101844@c.us_A",
            "media":{"mimetype":"image/gif","data":"data:image/gif;base64,R0lGODlh"},
            "before":{"media":{"data":{"sha256":"00"}}},"after":{"media":{"data":"not base64"}}}}"#;
        let Ok(Received::Events(events)) = signed(body) else { panic!("not accepted") };
        let file = EmbeddedFile {
            place: "/payload/media/data".to_owned(),
            mime_type: Some("image/gif".to_owned()),
            bytes: Bytes::from_static(b"GIF89a"),
        };
        assert_eq!(events[0].files, [file]);
        let payload = &events[0].body["payload"];
        assert_eq!(payload["media"], serde_json::json!({"mimetype": "image/gif", "data": null}));
        assert_eq!(
            (&payload["before"]["media"], &payload["after"]["media"]),
            (&serde_json::json!({}), &serde_json::json!({}))
        );
    }

    #[test]
    fn body_that_is_no_object_is_rejected() {
        for body in ["", "[]", "1", "{", "\u{fffd}"] {
            assert_eq!(signed(body).unwrap_err().status, StatusCode::BAD_REQUEST, "{body}");
        }
    }
}
