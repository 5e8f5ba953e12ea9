//! What a message must be.

use std::collections::BTreeMap;

use super::text::{camel_case, json_text, text, unstorable};
use super::{Change, address, message_id, person};
use crate::actions::ingest::event::{DeliveryInfo, MessageEvent};
use crate::actions::ingest::merge::{Delivery, MessageState};
use crate::error::{Error, Result};
use crate::instant::Instant;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// Checks a message by itself.
pub(super) fn message(mut event: MessageEvent) -> Result<Change> {
    let chat = address("message.chat", &event.chat)?;
    let id = message_id("message.id", std::mem::take(&mut event.id))?;
    let sender = event.sender.as_deref().map(|sender| person("message.sender", sender)).transpose()?;
    let body = event.body.take();
    if let Some(body) = &body {
        text("message.body", body)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Error::invalid(
                "message.body",
                format_args!("must be at most {MAX_BODY_BYTES} bytes"),
            ));
        }
    }
    let kind = event.kind.take();
    if let Some(kind) = &kind {
        text("message.type", kind)?;
    }
    let ack = event.ack.as_deref().map(ack).transpose()?;
    let delivery = event.delivery_info.take().map(delivery).transpose()?;
    let details = event.take_details();
    for (name, value) in &details {
        json_text(value).then_some(()).ok_or_else(|| unstorable(&format!("message.{}", camel_case(name))))?;
    }
    let message = MessageState {
        sent_at: event.timestamp,
        from_me: event.from_me,
        sender: sender.map(|sender| sender.as_str().to_owned()),
        kind,
        body,
        details,
        ack,
        delivery,
        updated_at: event.updated_at,
        field_times: BTreeMap::new(),
    };
    Ok(Change::Message { chat, id, message: Box::new(message) })
}

fn ack(text: &str) -> Result<i16> {
    let number = text.parse().ok().filter(|number: &i16| (-1..=9).contains(number));
    number
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| Error::invalid("message.ack", "must be a string from \"-1\" to \"9\""))
}

fn delivery(info: DeliveryInfo) -> Result<Delivery> {
    let contacts = |field: &str, times: BTreeMap<String, i64>| -> Result<BTreeMap<String, i64>> {
        let mut folded = BTreeMap::new();
        for (contact, at) in times {
            let field = format!("message.deliveryInfo.{field}.{contact}");
            Instant::from_millis(at).ok_or_else(|| Error::invalid(&*field, Instant::MILLIS))?;
            let contact = person(&field, &contact)?.as_str().to_owned();
            folded.entry(contact).and_modify(|earlier: &mut i64| *earlier = at.min(*earlier)).or_insert(at);
        }
        Ok(folded)
    };
    let pending = info.pending.iter().enumerate().map(|(index, contact)| {
        let contact = person(&format!("message.deliveryInfo.pending[{index}]"), contact)?;
        Ok(contact.as_str().to_owned())
    });
    Ok(Delivery {
        delivered: contacts("delivered", info.delivered)?,
        read: contacts("read", info.read)?,
        pending: pending.collect::<Result<_>>()?,
    })
}
