//! A stored message as the chat API answers it.

use crate::ids::OrgId;
use crate::json_value::JsonValue;
use crate::pb::{ChatMessage, DeliveryInfo, MessageKey};
use crate::store::message_views::{Delivery, Details, MessageView};

/// The message object, in that chat and as that number stored it.
pub(super) fn message_object(
    org: OrgId,
    chat_id: &str,
    org_phone: &str,
    message: MessageView,
) -> ChatMessage {
    let serialized = format!("{}_{chat_id}_{}", message.from_me, message.message_id);
    ChatMessage {
        ack: message.ack.map(|ack| ack.to_string()),
        body: message.body,
        chat_id: chat_id.to_owned(),
        delivery_info: message.delivery.map(|delivery| delivery_info(delivery.0)),
        from_me: message.from_me,
        fts: message.fts,
        id: Some(MessageKey {
            from_me: message.from_me,
            id: message.message_id.clone(),
            remote: chat_id.to_owned(),
            serialized: serialized.clone(),
        }),
        message_id: serialized,
        message_type: message.type_,
        org_id: org.to_string(),
        org_phone: org_phone.to_owned(),
        sender_phone: message.sender,
        timestamp: Some(message.sent_at.into()),
        unique_id: message.message_id,
        updated_at: message.updated_at.map(Into::into),
        ..details_only(*message.details.0)
    }
}

/// A message object of which only the rarer keys are filled in.
fn details_only(details: Details) -> ChatMessage {
    ChatMessage {
        author: details.author,
        broadcast: details.broadcast,
        broadcast_id: details.broadcast_id,
        device_type: details.device_type,
        duration: details.duration,
        flag_metadata: details.flag_metadata.map(value),
        flag_response_time: details.flag_response_time,
        flag_status: details.flag_status,
        forwarding_score: details.forwarding_score,
        from: details.from,
        has_media: details.has_media,
        has_quoted_msg: details.has_quoted_msg,
        has_reaction: details.has_reaction,
        invite_v4: details.invite_v4.map(value),
        is_deleted: details.is_deleted,
        is_ephemeral: details.is_ephemeral,
        is_forwarded: details.is_forwarded,
        is_gif: details.is_gif,
        is_starred: details.is_starred,
        is_status: details.is_status,
        links: details.links.map(value),
        location: details.location.map(value),
        media: details.media.map(value),
        media_key: details.media_key,
        mentioned_ids: details.mentioned_ids.unwrap_or_default(),
        message_ticket_id: details.message_ticket_id,
        order_id: details.order_id,
        performed_by: details.performed_by,
        poll_info: details.poll_info.map(value),
        poll_results: details.poll_results.map(value),
        prev_body: details.prev_body,
        quoted_message_id: details.quoted_message_id,
        raw_data: details.raw_data.map(value),
        sent_message_id: details.sent_message_id,
        to: details.to,
        token: details.token,
        vcards: details.vcards.map(value),
        ..ChatMessage::default()
    }
}

fn value(JsonValue(value): JsonValue) -> prost_types::Value {
    value
}

fn delivery_info(delivery: Delivery) -> DeliveryInfo {
    DeliveryInfo {
        delivered_count: count(delivery.delivered.len()),
        read_count: count(delivery.read.len()),
        delivered: delivery.delivered,
        pending: delivery.pending,
        read: delivery.read,
    }
}

/// A length as protobuf counts.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
