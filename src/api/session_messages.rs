//! A stored message as the session API answers it.

use super::message_object::count;
use crate::actions::session_lists::StoredMessage;
use crate::ids::{ChatAddress, SessionId};
use crate::instant::Instant;
use crate::json_value::JsonValue;
use crate::pb::{SessionDeliveryInfo, SessionMessage};
use crate::store::message_views::{Delivery, Details};

/// The message object, in that chat and as that session stored it.
pub(super) fn session_message(
    session: SessionId,
    chat: &ChatAddress,
    message: StoredMessage,
) -> SessionMessage {
    SessionMessage {
        id: message.message_id,
        session_id: session.to_string(),
        chat_jid: chat.to_jid(),
        from_me: message.from_me,
        sender: message.sender.map(jid),
        r#type: message.type_,
        body: message.body,
        timestamp: message.sent_at.millis(),
        ack: message.ack.map(|ack| ack.to_string()),
        updated_at: message.updated_at.map(Instant::millis),
        delivery_info: message.delivery.map(|delivery| delivery_info(delivery.0)),
        ..details_only(*message.details.0)
    }
}

/// A message object of which only the rarer keys are filled in.
fn details_only(details: Details) -> SessionMessage {
    SessionMessage {
        author: details.author.map(jid),
        broadcast: details.broadcast,
        broadcast_id: details.broadcast_id,
        device_type: details.device_type,
        duration: details.duration,
        flag_metadata: details.flag_metadata.map(|JsonValue(value)| value),
        flag_response_time: details.flag_response_time,
        flag_status: details.flag_status,
        forwarding_score: details.forwarding_score,
        from: details.from,
        has_media: details.has_media,
        has_quoted_msg: details.has_quoted_msg,
        has_reaction: details.has_reaction,
        invite_v4: details.invite_v4.map(|JsonValue(value)| value),
        is_deleted: details.is_deleted,
        is_ephemeral: details.is_ephemeral,
        is_forwarded: details.is_forwarded,
        is_gif: details.is_gif,
        is_starred: details.is_starred,
        is_status: details.is_status,
        links: details.links.map(|JsonValue(value)| value),
        location: details.location.map(|JsonValue(value)| value),
        media: details.media.map(|JsonValue(value)| value),
        media_key: details.media_key,
        mentioned_ids: details.mentioned_ids.into_iter().flatten().map(jid).collect(),
        message_ticket_id: details.message_ticket_id,
        order_id: details.order_id,
        performed_by: details.performed_by,
        poll_info: details.poll_info.map(|JsonValue(value)| value),
        poll_results: details.poll_results.map(|JsonValue(value)| value),
        prev_body: details.prev_body,
        quoted_message_id: details.quoted_message_id,
        raw_data: details.raw_data.map(|JsonValue(value)| value),
        sent_message_id: details.sent_message_id,
        to: details.to,
        token: details.token,
        vcards: details.vcards.map(|JsonValue(value)| value),
        ..SessionMessage::default()
    }
}

fn delivery_info(delivery: Delivery) -> SessionDeliveryInfo {
    let jids = |at: std::collections::BTreeMap<String, i64>| {
        at.into_iter().map(|(contact, at)| (jid(contact), at)).collect()
    };
    SessionDeliveryInfo {
        delivered_count: count(delivery.delivered.len()),
        read_count: count(delivery.read.len()),
        delivered: jids(delivery.delivered),
        pending: delivery.pending.into_iter().map(jid).collect(),
        read: jids(delivery.read),
    }
}

/// A stored contact id in the spelling of this API; whatever else it is stays as it is.
fn jid(contact: String) -> String {
    contact.parse::<ChatAddress>().map_or(contact, |address| address.to_jid())
}
