//! Content of NOWEB and GOWS: WhatsApp's protobuf message as JSON.
//!
//! A message has one field with its content, whose name says what it is, and fields beside it. NOWEB writes enums as names
//! in webhooks and as numbers in the history; whatsmeow writes some names with other capitals.

use serde_json::{Map, Value};

use super::content::{Content, Kind, ORDER, POLL, POLL_RESULT};
use super::fields::{flag, text, texts};

/// A field of the protobuf, the type of messages that have it, and where their text is: its parts are lines.
type Field = (&'static str, &'static str, &'static [&'static str]);

/// Fields that readers see, and those of reactions, edits and deletions.
const FIELDS: [Field; 56] = [
    ("conversation", "chat", &[""]),
    ("extendedTextMessage", "chat", TEXT),
    ("imageMessage", "image", CAPTION),
    ("videoMessage", "video", CAPTION),
    ("ptvMessage", "video", CAPTION),
    ("audioMessage", "audio", &[]),
    ("documentMessage", "document", CAPTION),
    ("stickerMessage", "sticker", &[]),
    ("stickerPackMessage", "sticker_pack", &["/name", "/caption"]),
    ("locationMessage", "location", &["/comment"]),
    ("liveLocationMessage", "location", CAPTION),
    ("contactMessage", "vcard", &[]),
    ("contactsArrayMessage", "multi_vcard", &[]),
    ("pollCreationMessage", POLL, NAME),
    ("pollCreationMessageV2", POLL, NAME),
    ("pollCreationMessageV3", POLL, NAME),
    ("pollCreationMessageV4", POLL, NAME),
    ("pollCreationMessageV5", POLL, NAME),
    ("pollResultSnapshotMessage", POLL_RESULT, NAME),
    ("pollResultSnapshotMessageV3", POLL_RESULT, NAME),
    ("groupInviteMessage", "groups_v4_invite", CAPTION),
    ("newsletterAdminInviteMessage", "newsletter_admin_invite", CHANNEL),
    ("newsletterFollowerInviteMessageV2", "newsletter_follower_invite", CHANNEL),
    ("listMessage", "list", &["/title", "/description", "/footerText"]),
    ("listResponseMessage", "list_response", &["/title", "/description"]),
    ("buttonsMessage", "buttons", &["/contentText"]),
    ("buttonsResponseMessage", "buttons_response", SELECTED),
    ("templateMessage", "template", TEMPLATE),
    ("templateButtonReplyMessage", "template_button_reply", SELECTED),
    ("interactiveMessage", "interactive", &["/header/title", "/body/text", "/footer/text"]),
    ("interactiveResponseMessage", "native_flow_response", &["/body/text"]),
    ("highlyStructuredMessage", "hsm", &["/hydratedHsm/hydratedTemplate/hydratedContentText"]),
    ("orderMessage", ORDER, &["/message"]),
    ("productMessage", "product", &["/product/title", "/body"]),
    ("sendPaymentMessage", "payment", NOTE),
    ("requestPaymentMessage", "payment", NOTE),
    ("declinePaymentRequestMessage", "payment", &[]),
    ("cancelPaymentRequestMessage", "payment", &[]),
    ("paymentInviteMessage", "payment", &[]),
    ("invoiceMessage", "payment", &["/note"]),
    ("eventMessage", "event_creation", NAME),
    ("scheduledCallCreationMessage", "scheduled_call", &["/title"]),
    ("albumMessage", "album", &[]),
    ("requestPhoneNumberMessage", "request_phone_number", &[]),
    ("richResponseMessage", "rich_response", &["/submessages/*/messageText"]),
    ("questionResponseMessage", "chat", TEXT),
    ("statusQuestionAnswerMessage", "chat", TEXT),
    ("statusQuotedMessage", "chat", TEXT),
    ("pinInChatMessage", "pin_message", &[]),
    ("keepInChatMessage", "keep_in_chat", &[]),
    ("callLogMesssage", "call_log", &[]),
    ("call", "call_log", &[]),
    ("placeholderMessage", UNKNOWN, &[]),
    ("bcallMessage", UNKNOWN, CAPTION),
    ("reactionMessage", REACTION, &[]),
    ("protocolMessage", PROTOCOL, &[]),
];
const REACTION: &str = "reaction";
const PROTOCOL: &str = "protocol";
const UNKNOWN: &str = "unknown";
const TEXT: &[&str] = &["/text"];
const CAPTION: &[&str] = &["/caption"];
const NAME: &[&str] = &["/name"];
const SELECTED: &[&str] = &["/selectedDisplayText", "/Response/SelectedDisplayText"];
const CHANNEL: &[&str] = &["/newsletterName", "/caption"];
const NOTE: &[&str] = &["/noteMessage/conversation", "/noteMessage/extendedTextMessage/text"];
/// WhatsApp sends a template in one of these forms, or the same text in the first two.
const TEMPLATE: &[&str] = &[
    "/hydratedTemplate/hydratedContentText",
    "/hydratedFourRowTemplate/hydratedContentText",
    "/interactiveMessageTemplate/header/title",
    "/interactiveMessageTemplate/body/text",
    "/interactiveMessageTemplate/footer/text",
];
/// Fields of messages between clients, of messages about status updates, and of those that change another message in a way that
/// the engine cannot decrypt or reports as an event of its own.
const SKIPPED: [&str; 11] = [
    "encReactionMessage",
    "encCommentMessage",
    "encEventResponseMessage",
    "secretEncryptedMessage",
    "pollUpdateMessage",
    "scheduledCallEditMessage",
    "stickerSyncRmrMessage",
    "messageHistoryBundle",
    "messageHistoryNotice",
    "statusNotificationMessage",
    "statusStickerInteractionMessage",
];
/// Fields of the protobuf beside the content.
const BESIDE: [&str; 3] =
    ["messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage"];
/// Where a message has the key of another one that it answers or is about.
const KEYS: [&str; 6] = [
    "/key/id",
    "/key/ID",
    "/targetMessageKey/id",
    "/targetMessageKey/ID",
    "/requestMessageKey/id",
    "/requestMessageKey/ID",
];

/// What the message contains.
pub(super) fn content<'a>(mut message: &'a Map<String, Value>, data: &'a Value) -> Content<'a> {
    let mut content = Content::new(Kind::Skipped, data);
    content.is_ephemeral = flag(data, &["/IsEphemeral"]);
    while let Some((name, wrapper, inner)) = wrapped(message) {
        content.is_edited |= name == "editedMessage";
        content.is_ephemeral |= name == "ephemeralMessage";
        content.about = content.about.or_else(|| text(wrapper, &KEYS));
        message = inner;
    }
    let value = |name: &str| message.get(name).filter(|value| !value.is_null());
    let known = FIELDS.iter().find_map(|(name, kind, paths)| Some((*kind, *paths, value(name)?)));
    let other = || message.iter().find(|(name, value)| !BESIDE.contains(&name.as_str()) && !value.is_null());
    let (kind, paths, details) = match (known, other()) {
        (Some(known), _) => known,
        (None, Some((name, _))) if SKIPPED.contains(&name.as_str()) => return content,
        // A field of a later version most likely has its text where the others have it.
        (None, Some((_, details))) => (UNKNOWN, &["/text", "/caption"][..], details),
        (None, None) => return content,
    };
    content.kind = kind_of(kind, details);
    content.details = details;
    content.context = &details["contextInfo"];
    content.text = if kind == "call_log" { Some(call(details)) } else { lines(details, paths) };
    content.about = content.about.or_else(|| text(details, &KEYS));
    content
}

/// The message in a wrapper, which is a field with a whole message in its field `message`.
fn wrapped(message: &Map<String, Value>) -> Option<(&str, &Value, &Map<String, Value>)> {
    message.iter().find_map(|(name, value)| Some((name.as_str(), value, value.get("message")?.as_object()?)))
}

fn kind_of(kind: &str, details: &Value) -> Kind {
    match kind {
        REACTION => Kind::Reaction,
        PROTOCOL => Kind::Protocol,
        UNKNOWN => Kind::Unknown,
        "audio" if flag(details, &["/ptt", "/PTT"]) => Kind::Message("ptt".to_owned()),
        // Nobody is shown that a message is no longer pinned or kept.
        "pin_message" if is(&details["type"], "UNPIN_FOR_ALL", 2) => Kind::Skipped,
        "keep_in_chat" if is(&details["keepType"], "UNDO_KEEP_FOR_ALL", 2) => Kind::Skipped,
        _ => Kind::Message(kind.to_owned()),
    }
}

/// Whether an enum has that value, by name or number.
pub(super) fn is(value: &Value, name: &str, number: u64) -> bool {
    value == name || *value == number
}

fn lines(details: &Value, pointers: &[&str]) -> Option<String> {
    let mut lines = Vec::new();
    for pointer in pointers {
        match pointer.split_once("/*/") {
            Some((list, name)) => lines.extend(texts(details, &[list], name)),
            None => lines.extend(text(details, &[pointer])),
        }
    }
    lines.dedup();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn call(details: &Value) -> String {
    let call = if flag(details, &["/isVideo"]) { "video call" } else { "voice call" };
    if is(&details["callOutcome"], "MISSED", 1) {
        return format!("Missed {call}");
    }
    call.replacen('v', "V", 1)
}
