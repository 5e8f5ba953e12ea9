//! Maps the events of webhooks.

use serde_json::Value;

use super::context::{Context, link_all, push};
use super::fields::{chat, flag, instant, number, person, text, texts, whole_second};
use super::group;
use super::message::{self, Envelope};
use super::state;
use crate::connect::gateway::{FollowUp, Mapped};
use crate::connect::settings::ConnectionSettings;
use crate::ids::{AddressKind, ChatAddress};
use crate::pb::ingest_event::{Chat, Event, Message, MessageReference, Receipt, ReceiptKind};

/// Maps an event. What is not a chat's business is ignored with the reason.
pub(super) fn map(settings: &ConnectionSettings, event: &Value) -> Result<Mapped, String> {
    if text(event, &["/session"]).is_some_and(|session| session != settings.account) {
        return Ok(ignored("of another session of the server"));
    }
    let context = context(settings, event)?;
    let payload =
        event.get("payload").filter(|payload| payload.is_object()).ok_or("payload: must be an object")?;
    let mut mapped = Mapped::default();
    match event.get("event").and_then(Value::as_str).ok_or("event: must be a text")? {
        "message" | "message.any" => message::map(&context, payload, &mut mapped)?,
        "message.ack" | "message.ack.group" => ack(&context, payload, &mut mapped)?,
        "message.reaction" => reaction(&context, payload, &mut mapped)?,
        "message.edited" if is_encrypted_edit(payload) => {
            return Ok(ignored("an edit that the gateway could not decrypt"));
        }
        "message.edited" => edited(&context, payload, &mut mapped)?,
        "message.revoked" => revoked(payload, &mut mapped)?,
        "message.waiting" => return Ok(ignored("not readable yet; it comes again as a message")),
        "chat.archive" => archived(&context, payload, &mut mapped)?,
        "group.v2.join" => group::joined(&context, payload, &mut mapped)?,
        "group.v2.leave" => group::left(&context, payload, &mut mapped)?,
        "group.v2.update" => group::updated(&context, payload, &mut mapped)?,
        "group.v2.participants" => group::participants(&context, payload, &mut mapped)?,
        "poll.vote" => vote(&context, payload, &mut mapped)?,
        "call.received" => call(&context, payload, &mut mapped)?,
        "session.status" => status(payload, &mut mapped)?,
        _ => return Ok(ignored("an event that is not mapped")),
    }
    if mapped.events.is_empty() && mapped.follow_ups.is_empty() {
        return Ok(ignored("nothing of a chat"));
    }
    Ok(mapped)
}

fn ignored(reason: &'static str) -> Mapped {
    Mapped { ignored: reason, ..Mapped::default() }
}

fn context(settings: &ConnectionSettings, event: &Value) -> Result<Context, String> {
    let at = instant(event, &["/timestamp", "/payload/timestamp"]).ok_or("timestamp: must be a Unix time")?;
    let own = ChatAddress::of_phone(&settings.phone);
    let reported = person(event, &["/me/id"]).filter(|me| me.kind() == AddressKind::Person);
    if reported.is_some_and(|me| me != own && Some(me) != own.other_spelling()) {
        return Err("me.id: must be the phone number of the connection".to_owned());
    }
    let own_lid = person(event, &["/me/lid"]).filter(|lid| lid.kind() == AddressKind::Lid);
    Ok(Context { own, own_lid, at })
}

/// Maps an ack. Those of others' messages are our own reading, without the message up to which it was read.
fn ack(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(envelope) = Envelope::of(payload)? else { return Ok(()) };
    if !envelope.id.from_me {
        return Ok(());
    }
    // GOWS reports the time of the receipt, the others only that of the event.
    let at = instant(payload, &["/_data/Timestamp"]).unwrap_or(context.at);
    let reader = match envelope.chat.kind() {
        AddressKind::Group => person(payload, &["/participant"]).filter(|reader| !context.is_own(reader)),
        AddressKind::Person | AddressKind::Lid | AddressKind::UserId => Some(envelope.chat.clone()),
    };
    let Some(kind) = number(payload, &["/ack"]).and_then(receipt_kind) else { return Ok(()) };
    let needs_reader = matches!(kind, ReceiptKind::Delivered | ReceiptKind::Read | ReceiptKind::Played);
    if needs_reader && reader.is_none() {
        // WhatsApp Web sums up a group: the message comes with its new ack.
        return match payload.get("timestamp") {
            Some(_) => message::map(context, payload, mapped),
            None => Ok(()),
        };
    }
    link_all(mapped, &payload["_data"], &[reader.as_ref()]);
    let message = MessageReference { from_me: Some(true), ..envelope.reference(envelope.id.id) };
    let reason = (kind == ReceiptKind::Failed).then(|| "WhatsApp did not accept the message".to_owned());
    let by = reader.filter(|_| needs_reader).map(|reader| reader.to_string()).unwrap_or_default();
    let at = Some(at.into());
    push(mapped, Event::Receipt(Receipt { message: Some(message), by, kind: kind.into(), at, reason }));
    Ok(())
}

fn receipt_kind(ack: f64) -> Option<ReceiptKind> {
    let kinds = [
        (-1.0, ReceiptKind::Failed),
        (1.0, ReceiptKind::Server),
        (2.0, ReceiptKind::Delivered),
        (3.0, ReceiptKind::Read),
        (4.0, ReceiptKind::Played),
    ];
    kinds.into_iter().find_map(|(number, kind)| (ack == number).then_some(kind))
}

fn reaction(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(envelope) = Envelope::of(payload)? else { return Ok(()) };
    let id = text(payload, &["/reaction/messageId"]).ok_or("payload.reaction.messageId: must be an id")?;
    let emoji = text(payload, &["/reaction/text"]).unwrap_or_default();
    message::reaction(context, &envelope, &id, emoji, mapped)
}

fn edited(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(envelope) = Envelope::of(payload)? else { return Ok(()) };
    let id = text(payload, &["/editedMessageId"]).unwrap_or_else(|| envelope.id.id.to_owned());
    let at = instant(
        payload,
        &[
            "/_data/latestEditSenderTimestampMs",
            "/_data/message/protocolMessage/timestampMs",
            "/_data/message/editedMessage/message/protocolMessage/timestampMs",
            "/_data/Message/protocolMessage/timestampMS",
        ],
    );
    message::edit(context, &envelope, &id, text(payload, &["/body"]).unwrap_or_default(), at, mapped)
}

/// Whether the engine could not decrypt the edit. Its text is empty then, but not that of the message.
fn is_encrypted_edit(payload: &Value) -> bool {
    let names = ["/_data/message/secretEncryptedMessage", "/_data/Message/secretEncryptedMessage"];
    text(payload, &["/body"]).is_none() && names.into_iter().any(|name| payload.pointer(name).is_some())
}

fn revoked(payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let message =
        ["before", "after"].into_iter().find_map(|name| Some(payload.get(name)?).filter(|it| it.is_object()));
    let message = message.ok_or("payload.after: must be a message")?;
    let Some(envelope) = Envelope::of(message)? else { return Ok(()) };
    let key = [
        "/revokedMessageId",
        "/before/id",
        "/_data/Message/protocolMessage/key/ID",
        "/_data/message/protocolMessage/key/id",
        "/after/id",
    ];
    let id = text(payload, &key).ok_or("payload.revokedMessageId: must be an id")?;
    push(mapped, message::deletion(&envelope, &id));
    Ok(())
}

/// Maps the archive state. WhatsApp Web's time is that of the chat's latest message.
fn archived(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let id = text(payload, &["/id"]).ok_or("payload.id: must be a chat")?;
    let Some(jid) = chat("payload.id", &id)? else { return Ok(()) };
    let archived =
        payload.get("archived").and_then(Value::as_bool).ok_or("payload.archived: must be a boolean")?;
    let updated_at = Some(context.at.into());
    push(
        mapped,
        Event::Chat(Chat { jid: jid.to_string(), archived: Some(archived), updated_at, ..Chat::default() }),
    );
    Ok(())
}

/// Maps a vote to a notice that quotes the poll: WAHA does not keep votes with their polls.
fn vote(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let vote = payload.get("vote").ok_or("payload.vote: must be an object")?;
    let Some(envelope) = Envelope::of(vote)? else { return Ok(()) };
    let at = instant(vote, &["/timestamp"]).map_or(context.at, |at| at.min(context.at));
    let sender = envelope.sender(context).map(ToString::to_string);
    let is_incoming_of_group = envelope.chat.kind() == AddressKind::Group && !envelope.id.from_me;
    let poll = text(payload, &["/poll/id"]);
    push(
        mapped,
        Event::Message(Message {
            id: envelope.id.id.to_owned(),
            chat: envelope.chat.to_string(),
            from_me: envelope.id.from_me,
            timestamp: Some(whole_second(at).into()),
            author: sender.clone().filter(|_| is_incoming_of_group),
            sender,
            r#type: Some("poll_update".to_owned()),
            body: Some(texts(vote, &["/selectedOptions"], "name").join(", ")),
            has_quoted_msg: poll.is_some().then_some(true),
            quoted_message_id: poll.map(|poll| super::message_id::bare(&poll).to_owned()),
            ..Message::default()
        }),
    );
    Ok(())
}

/// Maps a call to a notice.
fn call(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let id = text(payload, &["/id"]).ok_or("payload.id: must be an id")?;
    let from = text(payload, &["/_data/GroupJID", "/from"]).ok_or("payload.from: must be a chat")?;
    let Some(from) = chat("payload.from", &from)? else { return Ok(()) };
    let at = instant(payload, &["/timestamp"]).unwrap_or(context.at).min(context.at);
    let body = if flag(payload, &["/isVideo"]) { "Video call" } else { "Voice call" };
    let sender = (from.kind() != AddressKind::Group).then(|| from.to_string());
    link_all(mapped, &payload["_data"], &[Some(&from)]);
    push(
        mapped,
        Event::Message(Message {
            id,
            chat: from.to_string(),
            timestamp: Some(whole_second(at).into()),
            sender,
            r#type: Some("call_log".to_owned()),
            body: Some(body.to_owned()),
            ..Message::default()
        }),
    );
    Ok(())
}

/// Maps the state of the session. When it works again, what came meanwhile is pulled.
fn status(payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let status = text(payload, &["/status"]).ok_or("payload.status: must be a text")?;
    let state = state::of(&status);
    mapped.follow_ups.push(FollowUp::State(state));
    if status == "WORKING" {
        mapped.follow_ups.push(FollowUp::Sync);
    }
    Ok(())
}
