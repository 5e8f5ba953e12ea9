//! Stored messages as both REST APIs return them.

use std::collections::BTreeMap;

use prost_types::Value;
use prost_types::value::Kind as ValueKind;

use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::ingest_event::Delivery;
use crate::pb::json_value::JsonObject;
use crate::pb::{
    ChatMessage, DeliveryInfo, MessageKey, MessageReaction, SessionDeliveryInfo, SessionMessage,
    SessionMessageReaction,
};
use crate::store::message_lists::ListedMessage;
use crate::store::message_views::{Json, MessageView, Reactions};

/// A message of the type `$message` with the fields that both APIs share. `$contact` converts a stored contact id.
macro_rules! shared_fields {
    ($message:ident, $details:expr, $media:expr, $has_reaction:expr, $contact:expr) => {{
        let details = $details;
        $message {
            author: details.author.map($contact),
            broadcast: details.broadcast,
            broadcast_id: details.broadcast_id,
            device_type: details.device_type,
            duration: details.duration,
            flag_metadata: details.flag_metadata,
            flag_response_time: details.flag_response_time,
            flag_status: details.flag_status,
            forwarding_score: details.forwarding_score,
            from: details.from,
            has_media: details.has_media,
            has_quoted_msg: details.has_quoted_msg,
            has_reaction: $has_reaction.or(details.has_reaction),
            invite_v4: details.invite_v4,
            is_deleted: details.is_deleted,
            is_ephemeral: details.is_ephemeral,
            is_forwarded: details.is_forwarded,
            is_gif: details.is_gif,
            is_starred: details.is_starred,
            is_status: details.is_status,
            links: details.links,
            location: details.location,
            media: with_file(details.media, $media),
            media_key: details.media_key,
            mentioned_ids: details.mentioned_ids.into_iter().map($contact).collect(),
            message_ticket_id: details.message_ticket_id,
            order_id: details.order_id,
            performed_by: details.performed_by,
            poll_info: details.poll_info,
            poll_results: details.poll_results,
            prev_body: details.prev_body,
            quoted_message_id: details.quoted_message_id,
            raw_data: details.raw_data,
            sent_message_id: details.sent_message_id,
            to: details.to,
            token: details.token,
            vcards: details.vcards,
            ..$message::default()
        }
    }};
}

/// The message object of the chat API.
pub(super) fn chat_message(org: OrgId, listed: ListedMessage) -> ChatMessage {
    let ListedMessage { chat_id, phone, message } = listed;
    let mut serialized = format!("{}_{chat_id}_{}", message.from_me, message.message_id);
    if !message.author.is_empty() {
        serialized = format!("{serialized}_{}", message.author);
    }
    let (has_reaction, reactions) = reactions(message.reactions);
    let failure_reason = failure_reason(message.ack, message.delivery.as_ref());
    ChatMessage {
        ack: message.ack.map(|ack| ack.to_string()),
        body: message.body,
        chat_id: chat_id.clone(),
        delivery_info: message.delivery.map(|delivery| DeliveryInfo {
            delivered_count: count(delivery.0.delivered.len()),
            read_count: count(delivery.0.read.len()),
            delivered: delivery.0.delivered,
            pending: delivery.0.pending,
            read: delivery.0.read,
        }),
        from_me: message.from_me,
        fts: message.fts,
        id: Some(MessageKey {
            from_me: message.from_me,
            id: message.message_id.clone(),
            remote: chat_id,
            serialized: serialized.clone(),
        }),
        message_id: serialized,
        message_type: message.type_,
        org_id: org.to_string(),
        org_phone: format!("{phone}@c.us"),
        sender_phone: message.sender,
        timestamp: Some(message.sent_at.into()),
        unique_id: message.message_id,
        updated_at: message.updated_at.map(Into::into),
        reactions,
        failure_reason,
        ..shared_fields!(ChatMessage, *message.details.0, message.media, has_reaction, |contact| contact)
    }
}

/// The message object of the session API.
pub(super) fn session_message(
    session: SessionId,
    chat: &ChatAddress,
    message: MessageView,
) -> SessionMessage {
    let (has_reaction, reactions) = reactions(message.reactions);
    let reactions = reactions.into_iter().map(|MessageReaction { contact_id, emoji, timestamp }| {
        let millis = |at: prost_types::Timestamp| at.seconds * 1000 + i64::from(at.nanos / 1_000_000);
        SessionMessageReaction { jid: to_jid(contact_id), emoji, timestamp: timestamp.map_or(0, millis) }
    });
    let failure_reason = failure_reason(message.ack, message.delivery.as_ref());
    SessionMessage {
        id: message.message_id,
        session_id: session.to_string(),
        chat_jid: chat.to_jid(),
        from_me: message.from_me,
        sender: message.sender.map(to_jid),
        r#type: message.type_,
        body: message.body,
        timestamp: message.sent_at.millis(),
        ack: message.ack.map(|ack| ack.to_string()),
        updated_at: message.updated_at.map(Instant::millis),
        delivery_info: message.delivery.map(|delivery| SessionDeliveryInfo {
            delivered_count: count(delivery.0.delivered.len()),
            read_count: count(delivery.0.read.len()),
            delivered: jid_keys(delivery.0.delivered),
            pending: delivery.0.pending.into_iter().map(to_jid).collect(),
            read: jid_keys(delivery.0.read),
        }),
        reactions: reactions.collect(),
        failure_reason,
        ..shared_fields!(SessionMessage, *message.details.0, message.media, has_reaction, to_jid)
    }
}

/// What the message says of its media, and over that what the service knows of the file.
fn with_file(media: Option<Value>, file: Option<Json<JsonObject>>) -> Option<Value> {
    let Some(Json(JsonObject(mut file))) = file else { return media };
    if let Some(ValueKind::StructValue(reported)) = media.and_then(|media| media.kind) {
        let others = reported.fields.into_iter().filter(|(name, _)| !file.fields.contains_key(name));
        file.fields.extend(others.collect::<Vec<_>>());
    }
    Some(Value { kind: Some(ValueKind::StructValue(file)) })
}

/// The reactions that were not removed, oldest first. Before them, whether there are any; `None` when no reaction is known.
pub(super) fn reactions(stored: Option<Json<Reactions>>) -> (Option<bool>, Vec<MessageReaction>) {
    let Some(Json(stored)) = stored else { return (None, Vec::new()) };
    let mut kept: Vec<_> = stored.into_iter().filter(|(_, (_, emoji))| !emoji.is_empty()).collect();
    kept.sort_by(|(one, (at, _)), (other, (other_at, _))| (at, one).cmp(&(other_at, other)));
    let reactions = kept.into_iter().map(|(contact_id, (at, emoji))| {
        let timestamp = Some(Instant::from_micros(at).into());
        MessageReaction { contact_id, emoji, timestamp }
    });
    let reactions: Vec<_> = reactions.collect();
    (Some(!reactions.is_empty()), reactions)
}

/// Why the message failed, or its outcome is unknown.
fn failure_reason(ack: Option<i16>, delivery: Option<&Json<Delivery>>) -> Option<String> {
    delivery.filter(|_| matches!(ack, Some(-1 | 0)))?.0.failure_reason.clone()
}

/// A stored contact id as a JID; other texts stay as they are.
fn to_jid(contact: String) -> String {
    contact.parse::<ChatAddress>().map_or(contact, |address| address.to_jid())
}

fn jid_keys(by_contact: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    by_contact.into_iter().map(|(contact, at)| (to_jid(contact), at)).collect()
}

/// A length as protobuf's `int64`.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
