//! Statuses of sent messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fields::{event, items, phone, text, timestamp};
use super::people::{Person, group};
use crate::connect::gateway::{FollowUp, Mapped};
use crate::ids::ChatAddress;
use crate::pb::ingest_event::{Event, MessageReference, Receipt, ReceiptKind};

/// The longest reason that a receipt may have, in bytes.
const MAX_REASON: usize = 1024;

/// Maps a status.
///
/// # Errors
///
/// It has no id or time, or does not say whose message it is.
pub(super) fn map(value: &Value, status: &Value) -> Result<Mapped, String> {
    let kind = match text(status, "/status") {
        Some("sent") => ReceiptKind::Server,
        Some("delivered") => ReceiptKind::Delivered,
        Some("read") => ReceiptKind::Read,
        Some("played") => ReceiptKind::Played,
        Some("failed") => ReceiptKind::Failed,
        _ => return Ok(Mapped { ignored: "a status that says nothing about delivery", ..Mapped::default() }),
    };
    let id = text(status, "/id").ok_or_else(|| "id: is required".to_owned())?;
    let at = timestamp(status)?;
    let recipient = recipient(value, status);
    let in_group = text(status, "/recipient_type") == Some("group");
    let chat = match text(status, "/recipient_id") {
        Some(group_id) if in_group => Some(group(group_id)?),
        _ => recipient.address().cloned().or_else(|| addressee(id)),
    };
    let send = text(status, "/biz_opaque_callback_data").and_then(|text| text.parse().ok());
    let by = if in_group { recipient.address().cloned() } else { chat.clone() };
    let needs_person = !matches!(kind, ReceiptKind::Server | ReceiptKind::Failed);
    let mut receipt = Receipt {
        message: Some(MessageReference {
            id: id.to_owned(),
            from_me: Some(true),
            ..MessageReference::default()
        }),
        by: by.as_ref().filter(|_| needs_person).map(ToString::to_string).unwrap_or_default(),
        kind: kind.into(),
        at: Some(at.into()),
        reason: (kind == ReceiptKind::Failed).then(|| reason(status)),
    };
    let Some(chat) = chat else {
        let send = send
            .filter(|_| !needs_person)
            .ok_or_else(|| "recipient_id: must be a phone number, a user id or a group".to_owned())?;
        return Ok(Mapped { follow_ups: vec![FollowUp::Receipt { send, receipt }], ..Mapped::default() });
    };
    if needs_person && by.is_none() {
        return Ok(Mapped { ignored: "a group's status that names no member", ..Mapped::default() });
    }
    if let Some(message) = &mut receipt.message {
        chat.as_str().clone_into(&mut message.chat);
    }
    let mut mapped = Mapped { events: recipient.events(at), ..Mapped::default() };
    mapped.events.push(event(Event::Receipt(receipt)));
    if let Some(send) = send {
        mapped.follow_ups.push(FollowUp::Accepted { send, message_id: id.to_owned() });
    }
    Ok(mapped)
}

/// The person that the status is about: in a group, a member.
fn recipient<'a>(value: &'a Value, status: &Value) -> Person<'a> {
    match text(status, "/recipient_type") {
        Some("group") => Person::new(
            text(status, "/recipient_participant_id"),
            text(status, "/recipient_participant_user_id"),
            value,
        ),
        _ => Person::new(text(status, "/recipient_id"), text(status, "/recipient_user_id"), value),
    }
}

/// The phone number in the id of a message, for statuses that name nobody: a failed one may not.
///
/// The id is Base64 of `1c 18 <length> <digits> …`.
fn addressee(id: &str) -> Option<ChatAddress> {
    let bytes = STANDARD.decode(id.strip_prefix("wamid.")?).ok()?;
    let [0x1c, 0x18, length, rest @ ..] = bytes.as_slice() else { return None };
    phone(str::from_utf8(rest.get(..usize::from(*length))?).ok()?)
}

/// The code, the title and the details of the first error.
fn reason(status: &Value) -> String {
    let Some(error) = items(status, "errors").first() else { return "failed".to_owned() };
    let code = error.get("code").map(Value::to_string);
    let title = text(error, "/title").or_else(|| text(error, "/message"));
    let details = text(error, "/error_data/details").filter(|details| Some(*details) != title);
    let parts = [code.as_deref(), title, details].into_iter().flatten();
    let mut reason = String::new();
    for (index, part) in parts.enumerate() {
        reason.push_str(["", " ", ": "].get(index).copied().unwrap_or_default());
        reason.push_str(part);
    }
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    reason
}

#[cfg(test)]
mod tests {
    use super::addressee;

    #[test]
    fn ids_of_messages_hold_the_phone_number() {
        // The example of Meta's documentation.
        let id = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=";
        assert_eq!(addressee(id).unwrap().as_str(), "16503879439@c.us");
        for other in ["wamid.HBgL", "wamid.", "3EB0", "wamid.HBgLMTY1MDM4Nzk0Mz", "wamid.Zm9vYmFy"] {
            assert_eq!(addressee(other), None, "{other}");
        }
    }
}
