//! The details of a message: quotes, mentions, files, places, visiting cards, polls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::content::{Content, ORDER, POLL, POLL_RESULT};
use super::fields::{as_address, flag, json, number, text, texts, whole};
use super::message_id::bare;
use crate::connect::gateway::MediaSource;
use crate::digest::hex;
use crate::pb::ingest_event::Message;

/// The longest text that ingest accepts, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Fills in what the content says about the message.
pub(super) fn fill(message: &mut Message, payload: &Value, content: &Content<'_>) {
    let (data, details, context) = (&payload["_data"], content.details, content.context);
    message.body = body(payload, content).map(|body| truncated(body, MAX_BODY));
    let quoted = text(payload, &["/replyTo/id"])
        .or_else(|| text(context, &["/stanzaId", "/stanzaID"]))
        .or_else(|| text(data, &["/quotedStanzaID"]))
        .or_else(|| content.about.clone());
    message.quoted_message_id = quoted.map(|id| bare(&id).to_owned());
    message.has_quoted_msg = message.quoted_message_id.is_some().then_some(true);
    message.mentioned_ids = mentions(data, context);
    let score = whole(context, &["/forwardingScore"]).or_else(|| whole(data, &["/forwardingScore"]));
    message.forwarding_score = score.and_then(|score| i64::try_from(score).ok()).filter(|score| *score > 0);
    let is_forwarded = flag(context, &["/isForwarded"]) || flag(data, &["/isForwarded"]);
    message.is_forwarded = is_forwarded.then_some(true);
    message.is_ephemeral = content.is_ephemeral.then_some(true);
    message.is_gif = flag(details, &["/gifPlayback", "/isGif"]).then_some(true);
    message.is_starred = flag(data, &["/starred", "/star", "/isStarred"]).then_some(true);
    message.duration = text(details, &["/duration"]).or_else(|| {
        whole(details, &["/seconds", "/duration", "/durationSecs"]).map(|seconds| seconds.to_string())
    });
    message.location = location(payload, details).as_ref().and_then(json);
    message.vcards = vcards(payload, details).as_ref().and_then(json);
    message.invite_v4 = invite(details).as_ref().and_then(json);
    if content.is(POLL) {
        message.poll_info = json(&poll(details));
    } else if content.is(POLL_RESULT) {
        message.poll_info = json(
            &json!({ "name": text(details, &["/name"]), "options": texts(details, &["/pollVotes"], "optionName") }),
        );
        message.poll_results = json(&votes(details));
    } else if content.is(ORDER) {
        message.order_id = text(details, &["/orderId", "/orderID"]);
        message.token = text(details, &["/token"]);
    }
}

fn body(payload: &Value, content: &Content<'_>) -> Option<String> {
    let shown = text(payload, &["/body"]).filter(|_| content.has_body());
    shown.or_else(|| content.text.clone())
}

/// The text without what is over the limit: a message without its end is better than none.
pub(super) fn truncated(mut text: String, max: usize) -> String {
    if text.len() > max {
        let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
    }
    text
}

fn mentions(data: &Value, context: &Value) -> Vec<String> {
    let lists = [context.get("mentionedJid"), context.get("mentionedJID"), data.get("mentionedJidList")];
    let listed = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
    let mut ids: Vec<String> = listed.filter_map(as_address).map(|address| address.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The file of a message, if it has one.
pub(super) fn media(message: &Message, payload: &Value, content: &Content<'_>) -> Option<MediaSource> {
    let has_media = content.is_media() || flag(payload, &["/hasMedia"]) || payload["media"].is_object();
    let details = content.details;
    has_media.then(|| MediaSource {
        chat: message.chat.clone(),
        message_id: message.id.clone(),
        from_me: message.from_me,
        author: message.author.clone(),
        locator: json!({ "url": text(payload, &["/media/url"]), "message": text(payload, &["/id"]) }),
        mime_type: text(payload, &["/media/mimetype"]).or_else(|| text(details, &["/mimetype"])),
        file_name: text(payload, &["/media/filename"]).or_else(|| text(details, &["/fileName", "/filename"])),
        size: whole(details, &["/fileLength", "/size"]),
        sha256: text(details, &["/fileSha256", "/fileSHA256", "/filehash"])
            .and_then(|hash| hexadecimal(&hash)),
        // The bytes that were in the event.
        stored: serde_json::from_value(payload["media"]["data"].clone()).ok(),
    })
}

fn hexadecimal(base64: &str) -> Option<String> {
    STANDARD.decode(base64).ok().filter(|hash| hash.len() == 32).map(|hash| hex(&hash))
}

/// The file as the message shows it until it is fetched.
pub(super) fn shown(media: &MediaSource) -> Value {
    let fields = [
        ("mimetype", media.mime_type.clone().map(Value::from)),
        ("filename", media.file_name.clone().map(Value::from)),
        ("size", media.size.map(Value::from)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn location(payload: &Value, details: &Value) -> Option<Value> {
    // An event has its place in a field.
    let places = [payload.get("location"), details.get("location")];
    let place = places.into_iter().flatten().find(|place| place.is_object()).unwrap_or(details);
    let latitude = number(place, &["/latitude", "/degreesLatitude", "/lat"])?;
    let longitude = number(place, &["/longitude", "/degreesLongitude", "/lng"])?;
    let mut location = json!({ "latitude": latitude, "longitude": longitude });
    for (name, pointers) in [
        ("name", &["/name"][..]),
        ("address", &["/address"]),
        ("description", &["/description", "/loc"]),
        ("url", &["/url"]),
    ] {
        if let Some(value) = text(place, pointers) {
            location[name] = value.into();
        }
    }
    if flag(place, &["/live", "/isLive"]) {
        location["live"] = true.into();
    }
    Some(location)
}

fn vcards(payload: &Value, details: &Value) -> Option<Value> {
    let mut cards = texts(payload, &["/vCards"], "vcard");
    if cards.is_empty() {
        cards = texts(details, &["/contacts", "/vcardList"], "vcard");
        cards.extend(text(details, &["/vcard"]));
    }
    (!cards.is_empty()).then(|| cards.into())
}

/// An invitation to a group, in the words of WhatsApp Web.
fn invite(details: &Value) -> Option<Value> {
    let (group, code) = (text(details, &["/groupJid", "/groupJID"])?, text(details, &["/inviteCode"])?);
    let name = text(details, &["/groupName"]);
    Some(
        json!({ "groupId": group, "groupName": name, "inviteCode": code, "inviteCodeExp": whole(details, &["/inviteExpiration"]) }),
    )
}

fn votes(details: &Value) -> Value {
    let votes = details["pollVotes"].as_array().into_iter().flatten();
    let vote =
        |vote| json!({ "name": text(vote, &["/optionName"]), "votes": whole(vote, &["/optionVoteCount"]) });
    votes.map(vote).collect()
}

fn poll(details: &Value) -> Value {
    let options = match details.get("options").or_else(|| details.get("pollOptions")) {
        Some(Value::Array(options)) => options.as_slice(),
        _ => &[],
    };
    let names = options.iter().filter_map(|option| text(option, &["/optionName", "/name", ""]));
    let selectable = whole(details, &["/selectableOptionsCount", "/pollSelectableOptionsCount"]);
    json!({
        "name": text(details, &["/name", "/pollName"]).unwrap_or_default(),
        "options": names.collect::<Vec<_>>(),
        "multiple": selectable != Some(1),
    })
}
