//! Events from the wire, as the rules know them.

mod organization;

use prost_types::value::Kind as Json;
use prost_types::{FieldMask, Timestamp, Value};

use crate::actions::ingest::{self as told, JsonTree};
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::pb::IngestEvent;
use crate::pb::ingest_event as wire;

/// The event. An error names the field.
pub(super) fn event(event: IngestEvent) -> Result<told::IngestEvent> {
    let Some(seen) = event.event else {
        return Err(Error::invalid("event", "must say what was seen"));
    };
    let seen = match seen {
        wire::Event::Contact(event) => told::Event::Contact(contact(event)?),
        wire::Event::Chat(event) => told::Event::Chat(Box::new(chat(event)?)),
        wire::Event::Message(event) => told::Event::Message(Box::new(message(event)?)),
        wire::Event::Receipt(event) => told::Event::Receipt(receipt(event)?),
        wire::Event::Read(event) => told::Event::Read(told::ReadEvent {
            chat: event.chat,
            up_to: required("read.up_to", event.up_to)?,
        }),
        wire::Event::Address(event) => {
            told::Event::Address(told::AddressEvent { lid: event.lid, jid: event.jid })
        }
        wire::Event::DeleteMessage(event) => {
            told::Event::DeleteMessage(told::DeleteMessageEvent { id: event.id, chat: event.chat })
        }
        wire::Event::Status(event) => told::Event::Status(status(event)?),
        wire::Event::Unread(event) => {
            told::Event::Unread(told::UnreadEvent { chat: event.chat, count: event.count.unwrap_or(1) })
        }
        wire::Event::Inbox(event) => told::Event::Inbox(Box::new(organization::inbox(event)?)),
        wire::Event::Number(event) => told::Event::Number(organization::number(event)?),
        wire::Event::Member(event) => told::Event::Member(organization::member(event)?),
        wire::Event::Label(event) => told::Event::Label(organization::label(event)?),
        wire::Event::Property(event) => told::Event::Property(organization::property(event)?),
    };
    Ok(told::IngestEvent { session: event.session, event: seen })
}

fn contact(event: wire::Contact) -> Result<told::ContactEvent> {
    let mut told = told::ContactEvent {
        id: event.id,
        name: set(event.name),
        color: set(event.color),
        image: set(event.image),
        is_internal: event.is_internal,
    };
    for path in paths(event.cleared) {
        match path.as_str() {
            "name" => told.name = Patch::Clear,
            "color" => told.color = Patch::Clear,
            "image" => told.image = Patch::Clear,
            _ => return Err(Error::invalid("contact.cleared", "may name name, color and image")),
        }
    }
    Ok(told)
}

fn chat(event: wire::Chat) -> Result<told::ChatEvent> {
    let kind = match event.r#type() {
        wire::ChatType::Unspecified if event.r#type == 0 => None,
        wire::ChatType::Unspecified => return Err(Error::invalid("chat.type", "must be a type of chat")),
        wire::ChatType::Dm => Some(told::ChatKind::Dm),
        wire::ChatType::Group => Some(told::ChatKind::Group),
        wire::ChatType::Business => Some(told::ChatKind::Business),
    };
    let members = event.members.map(|members| members.members.into_iter().map(member).collect());
    let mut told = told::ChatEvent {
        jid: event.jid,
        kind,
        name: set(event.name),
        image: set(event.image),
        archived: event.archived,
        pinned: event.pinned,
        exited: event.exited,
        muted_until: set(instant("chat.muted_until", event.muted_until)?),
        created_at: set(instant("chat.created_at", event.created_at)?),
        updated_at: instant("chat.updated_at", event.updated_at)?,
        description: set(event.description),
        invite_link: set(event.invite_link),
        info_admins_only: set(event.info_admins_only),
        messages_admins_only: set(event.messages_admins_only),
        add_members_admins_only: set(event.add_members_admins_only),
        member_add_mode: set(event.member_add_mode),
        members,
    };
    for path in paths(event.cleared) {
        match path.as_str() {
            "name" => told.name = Patch::Clear,
            "image" => told.image = Patch::Clear,
            "muted_until" => told.muted_until = Patch::Clear,
            "created_at" => told.created_at = Patch::Clear,
            "description" => told.description = Patch::Clear,
            "invite_link" => told.invite_link = Patch::Clear,
            "info_admins_only" => told.info_admins_only = Patch::Clear,
            "messages_admins_only" => told.messages_admins_only = Patch::Clear,
            "add_members_admins_only" => told.add_members_admins_only = Patch::Clear,
            "member_add_mode" => told.member_add_mode = Patch::Clear,
            _ => return Err(Error::invalid("chat.cleared", "must name fields of a chat that can be empty")),
        }
    }
    Ok(told)
}

fn member(member: wire::Member) -> told::MemberEvent {
    told::MemberEvent { id: member.id, is_admin: member.is_admin, is_super_admin: member.is_super_admin }
}

/// A message event with these fields taken from the wire's, as they are and as JSON.
macro_rules! message_with {
    ($event:ident, same { $($same:ident),+ $(,)? } json { $($json:ident),+ $(,)? }) => {{
        let timestamp = required("message.timestamp", $event.timestamp)?;
        let mut told = told::MessageEvent::new($event.id, $event.chat, $event.from_me, timestamp);
        $(told.$same = $event.$same;)+
        $(told.$json = $event.$json.map(|value| json(concat!("message.", stringify!($json)), value)).transpose()?;)+
        told
    }};
}

fn message(event: wire::Message) -> Result<told::MessageEvent> {
    let updated_at = instant("message.updated_at", event.updated_at)?;
    let delivery_info = event.delivery_info.map(|delivery| told::DeliveryInfo {
        delivered: delivery.delivered,
        read: delivery.read,
        pending: delivery.pending,
        ..told::DeliveryInfo::default()
    });
    let mentioned_ids = Some(event.mentioned_ids).filter(|ids| !ids.is_empty());
    let kind = event.r#type;
    let told = message_with!(event,
        same {
            sender, body, ack, author, broadcast, broadcast_id, device_type, duration, flag_response_time, flag_status,
            forwarding_score, from, has_media, has_quoted_msg, has_reaction, is_deleted, is_ephemeral, is_forwarded,
            is_gif, is_starred, is_status, media_key, message_ticket_id, order_id, performed_by, prev_body,
            quoted_message_id, sent_message_id, to, token,
        }
        json { flag_metadata, invite_v4, links, location, media, poll_info, poll_results, raw_data, vcards }
    );
    Ok(told::MessageEvent { updated_at, delivery_info, mentioned_ids, kind, ..told })
}

fn receipt(event: wire::Receipt) -> Result<told::ReceiptEvent> {
    let kind = match event.kind() {
        wire::ReceiptKind::Unspecified => {
            return Err(Error::invalid("receipt.kind", "must be a kind of receipt"));
        }
        wire::ReceiptKind::Sent => told::ReceiptKind::Sent,
        wire::ReceiptKind::Server => told::ReceiptKind::Server,
        wire::ReceiptKind::Delivered => told::ReceiptKind::Delivered,
        wire::ReceiptKind::Read => told::ReceiptKind::Read,
        wire::ReceiptKind::Played => told::ReceiptKind::Played,
    };
    let at = required("receipt.at", event.at)?;
    Ok(told::ReceiptEvent { message: event.message, chat: event.chat, by: event.by, kind, at })
}

fn status(event: wire::Status) -> Result<told::StatusEvent> {
    let status = match event.status() {
        wire::ConnectionStatus::Unspecified => {
            return Err(Error::invalid("status.status", "must be the status of a connection"));
        }
        wire::ConnectionStatus::Disconnected => told::ConnectionStatus::Disconnected,
        wire::ConnectionStatus::Connecting => told::ConnectionStatus::Connecting,
        wire::ConnectionStatus::Connected => told::ConnectionStatus::Connected,
        wire::ConnectionStatus::LoggedOut => told::ConnectionStatus::LoggedOut,
    };
    Ok(told::StatusEvent { status, at: required("status.at", event.at)? })
}

fn set<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

fn paths(mask: Option<FieldMask>) -> Vec<String> {
    mask.map(|mask| mask.paths).unwrap_or_default()
}

fn required(field: &str, timestamp: Option<Timestamp>) -> Result<Instant> {
    instant(field, timestamp)?.ok_or_else(|| Error::invalid(field, "is required"))
}

fn instant(field: &str, timestamp: Option<Timestamp>) -> Result<Option<Instant>> {
    let Some(Timestamp { seconds, nanos }) = timestamp else { return Ok(None) };
    let whole = seconds.checked_mul(1000).and_then(Instant::from_millis);
    let instant = whole.filter(|_| (0..1_000_000_000).contains(&nanos));
    let instant = instant.map(|whole| Instant::from_micros(whole.micros() + i64::from(nanos) / 1000));
    instant.map(Some).ok_or_else(|| Error::invalid(field, "must be an instant from 1970 to the year 9999"))
}

/// JSON as it is stored. Protobuf knows doubles only; whole ones are whole numbers.
fn json(field: &str, value: Value) -> Result<JsonTree> {
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers up to 2^53 are exact")]
    Ok(match value.kind {
        None | Some(Json::NullValue(_)) => JsonTree::Null,
        Some(Json::BoolValue(value)) => value.into(),
        Some(Json::StringValue(text)) => text.into(),
        Some(Json::NumberValue(number))
            if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 =>
        {
            (number as i64).into()
        }
        Some(Json::NumberValue(number)) if number.is_finite() => number.into(),
        Some(Json::NumberValue(_)) => return Err(Error::invalid(field, "must hold no infinite number")),
        Some(Json::ListValue(list)) => {
            list.values.into_iter().map(|value| json(field, value)).collect::<Result<Vec<_>>>()?.into()
        }
        Some(Json::StructValue(object)) => {
            let fields = object.fields.into_iter().map(|(name, value)| Ok((name, json(field, value)?)));
            JsonTree::Object(fields.collect::<Result<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_within_what_can_be_written() {
        let at = |seconds, nanos| instant("at", Some(Timestamp { seconds, nanos }));
        assert_eq!(at(1, 2_500).unwrap(), Some(Instant::from_micros(1_000_002)));
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MAX, 0), (253_402_300_800, 0)] {
            assert_eq!(at(seconds, nanos).unwrap_err().fields()[0].field, "at", "{seconds} {nanos}");
        }
    }

    #[test]
    fn whole_numbers_are_stored_as_such() {
        let number = |number| json("x", Value { kind: Some(Json::NumberValue(number)) });
        assert_eq!(number(12.0).unwrap(), JsonTree::from(12));
        assert_eq!(number(-0.5).unwrap(), JsonTree::from(-0.5));
        assert!(number(f64::NAN).is_err());
    }

    #[test]
    fn what_is_cleared_is_told_from_what_is_absent() {
        let cleared = Some(FieldMask { paths: vec!["name".to_owned()] });
        let told =
            contact(wire::Contact { cleared, image: Some("i".to_owned()), ..wire::Contact::default() })
                .unwrap();
        assert_eq!(
            (told.name, told.image, told.color),
            (Patch::Clear, Patch::Set("i".to_owned()), Patch::Keep)
        );
        let cleared = Some(FieldMask { paths: vec!["id".to_owned()] });
        assert!(contact(wire::Contact { cleared, ..wire::Contact::default() }).is_err());
    }
}
