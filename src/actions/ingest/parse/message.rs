//! Parses messages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{address, body, instant, json, message_id, person, required, text};
use crate::actions::ingest::change::Change;
use crate::actions::ingest::message_state::{Delivery, MessageState, PREV_BODY};
use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::ingest_event::{Delivery as DeliveryEvent, Message};
use crate::pb::ingest_json::camel_case;

/// Adds those of the fields that are present to a map, by their names in the proto.
macro_rules! add_present {
    ($details:ident, $message:ident, $convert:expr, $($field:ident)+) => {
        $(if let Some(value) = $message.$field {
            let field = || format!("message.{}", camel_case(stringify!($field)));
            $details.insert(stringify!($field).to_owned(), $convert(&field, value)?);
        })+
    };
}

pub(super) fn parse(message: Message) -> Result<Change> {
    let sent_at = required("message.timestamp", message.timestamp)?;
    let chat = address("message.chat", &message.chat)?;
    let sender = message.sender.as_deref().map(|sender| person("message.sender", sender)).transpose()?;
    let body = message.body.map(|text| body("message.body", text)).transpose()?;
    let mut details = Map::new();
    if !message.mentioned_ids.is_empty() {
        let ids =
            message.mentioned_ids.into_iter().map(|id| canonical(&|| "message.mentionedIds".to_owned(), id));
        details.insert("mentioned_ids".to_owned(), ids.collect::<Result<Vec<_>>>()?.into());
    }
    if let Some(author) = message.author {
        details.insert("author".to_owned(), canonical(&|| "message.author".to_owned(), author)?.into());
    }
    add_present!(details, message, address_detail, from to);
    add_present!(details, message, string_detail, broadcast_id device_type duration media_key message_ticket_id order_id
        performed_by prev_body quoted_message_id sent_message_id token);
    add_present!(details, message, other_detail, broadcast flag_response_time flag_status forwarding_score has_media
        has_quoted_msg has_reaction is_deleted is_ephemeral is_forwarded is_gif is_starred is_status silent);
    add_present!(details, message, json_detail, flag_metadata invite_v4 links location media poll_info poll_results
        raw_data vcards);
    let updated_at = instant("message.updatedAt", message.updated_at)?;
    // The text before this one is just older than it.
    let is_edited = details.contains_key(PREV_BODY);
    let field_times = is_edited.then(|| (PREV_BODY.to_owned(), updated_at.map_or(0, Instant::micros) - 1));
    let field_times = field_times.into_iter().collect();
    // By any of the two: some connectors report only one of them.
    let author = details.get("author").and_then(|author| author.as_str()?.parse().ok()).or(sender.clone());
    let author = author.filter(|_| chat.kind() == AddressKind::Group && !message.from_me);
    let state = MessageState {
        sent_at,
        from_me: message.from_me,
        sender: sender.map(|sender| sender.as_str().to_owned()),
        kind: message.r#type.map(|kind| text("message.type", kind)).transpose()?,
        body,
        first_body: None,
        details,
        ack: message.ack.as_deref().map(parse_ack).transpose()?,
        delivery: message.delivery_info.map(parse_delivery).transpose()?,
        reactions: BTreeMap::new(),
        updated_at,
        field_times,
    };
    Ok(Change::Message {
        chat,
        id: message_id("message.id", message.id)?,
        author,
        message: Box::new(state.without_deleted_text()),
    })
}

/// The canonical spelling of an address; another text stays as it is.
fn canonical(field: &dyn Fn() -> String, id: String) -> Result<String> {
    match id.parse::<ChatAddress>() {
        Ok(address) => Ok(address.as_str().to_owned()),
        Err(_) => text(&field(), id),
    }
}

fn address_detail(field: &dyn Fn() -> String, value: String) -> Result<Value> {
    canonical(field, value).map(Value::from)
}

fn string_detail(field: &dyn Fn() -> String, value: String) -> Result<Value> {
    if value.contains('\0') { text(&field(), value).map(Value::from) } else { Ok(value.into()) }
}

fn other_detail(_: &dyn Fn() -> String, value: impl Into<Value>) -> Result<Value> {
    Ok(value.into())
}

fn json_detail(field: &dyn Fn() -> String, value: prost_types::Value) -> Result<Value> {
    json(&field(), value)
}

fn parse_ack(text: &str) -> Result<i16> {
    let number = text.parse().ok().filter(|number: &i16| (-1..=9).contains(number));
    number
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| Error::invalid("message.ack", "must be a string from \"-1\" to \"9\""))
}

fn parse_delivery(delivery: DeliveryEvent) -> Result<Delivery> {
    let contacts = |list: &str, times: BTreeMap<String, i64>| -> Result<BTreeMap<String, i64>> {
        let mut earliest = BTreeMap::new();
        for (contact, at) in times {
            let field = format!("message.deliveryInfo.{list}.{contact}");
            Instant::from_millis(at).ok_or_else(|| Error::invalid(&*field, Instant::MILLIS))?;
            let contact = person(&field, &contact)?.as_str().to_owned();
            earliest.entry(contact).and_modify(|earlier: &mut i64| *earlier = at.min(*earlier)).or_insert(at);
        }
        Ok(earliest)
    };
    let pending = delivery.pending.iter().enumerate().map(|(index, contact)| {
        let contact = person(&format!("message.deliveryInfo.pending[{index}]"), contact)?;
        Ok(contact.as_str().to_owned())
    });
    if delivery.failed_at.is_some_and(|at| Instant::from_millis(at).is_none()) {
        return Err(Error::invalid("message.deliveryInfo.failedAt", Instant::MILLIS));
    }
    let reason = delivery.failure_reason.map(|reason| text("message.deliveryInfo.failureReason", reason));
    Ok(Delivery {
        delivered: contacts("delivered", delivery.delivered)?,
        read: contacts("read", delivery.read)?,
        pending: pending.collect::<Result<_>>()?,
        failed_at: delivery.failed_at,
        failure_reason: reason.transpose()?,
    })
}
