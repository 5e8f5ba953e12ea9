//! Names and values of changed fields in the dialect of each REST API.

use prost_types::Value;
use prost_types::value::Kind;

use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::store::events::{DELETED_TEXT, HELD_BY};

/// The API whose field names and value formats a change uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Fields of `switchboard.v1.Chat`; instants in RFC 3339.
    Chat,
    /// Fields of `switchboard.v1.SessionChat`, else those of `Chat`; instants in Unix milliseconds.
    Session,
}

/// Stored fields that are instants, in Unix microseconds.
const INSTANTS: [&str; 4] = ["closed_at", "created_at", "muted_until", "last_message_at"];

impl Dialect {
    /// The name of a stored field; `None` when neither API shows it.
    pub(super) fn name(self, stored: &str) -> Option<String> {
        let name = match (self, stored) {
            (_, "read_up_to" | DELETED_TEXT) => return None,
            (_, field) if field.starts_with(HELD_BY) => return None,
            (Self::Session, "chat_id") => "jid",
            (Self::Session, "unread") => "unread_count",
            (Self::Session, "type" | "name" | "archived" | "pinned" | "last_message_at") => stored,
            (_, "type") => "chat_type",
            (_, "name") => "chat_name",
            (_, "image") => "chat_image",
            (_, "description") => "group_description",
            (_, "assignee") => "assigned_to",
            (_, "archived") => "is_archived",
            (_, "pinned") => "is_pinned",
            (_, "exited") => "is_exited",
            (_, "unread") => "message_unread_count",
            (_, "latest_message_id") => "latest_message.unique_id",
            (_, "last_message_at") => "latest_message.timestamp",
            (Self::Chat, other) => match other.split_once('.') {
                Some(("properties", property)) => return Some(format!("custom_properties.{property}")),
                Some(("access", email)) => return Some(format!("chat_access.{email}")),
                _ => other,
            },
            (Self::Session, other) => other,
        };
        Some(name.to_owned())
    }

    /// The value of a stored field.
    pub(super) fn value(self, stored: &str, value: &Value) -> Value {
        let kind = match (self, stored, &value.kind) {
            (_, field, Some(Kind::NumberValue(micros))) if INSTANTS.contains(&field) => {
                // Microseconds are exact in a double until the year 2255.
                #[expect(clippy::cast_possible_truncation, reason = "PostgreSQL's instants fit")]
                let at = Instant::from_micros(*micros as i64);
                self.instant(at)
            }
            (_, "latest_message.ack", Some(Kind::NumberValue(ack))) => Kind::StringValue(ack.to_string()),
            (Self::Session, "chat_id", Some(Kind::StringValue(id))) => {
                Kind::StringValue(id.parse().map_or_else(|_| id.clone(), |id: ChatAddress| id.to_jid()))
            }
            // The session API has two types.
            (Self::Session, "type", Some(Kind::StringValue(kind))) if kind != "group" => {
                Kind::StringValue("dm".to_owned())
            }
            _ => return value.clone(),
        };
        Value { kind: Some(kind) }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds are exact in a double")]
    fn instant(self, at: Instant) -> Kind {
        match self {
            Self::Chat => {
                Kind::StringValue(prost_types::Timestamp::from(at).to_string().replace('Z', "+00:00"))
            }
            Self::Session => Kind::NumberValue(at.millis() as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_name_is_that_of_the_apis_chat() {
        for (stored, chat, session) in [
            ("chat_id", "chat_id", "jid"),
            ("type", "chat_type", "type"),
            ("unread", "message_unread_count", "unread_count"),
            ("archived", "is_archived", "archived"),
            ("muted_until", "muted_until", "muted_until"),
            ("assignee", "assigned_to", "assigned_to"),
            ("latest_message_id", "latest_message.unique_id", "latest_message.unique_id"),
            ("last_message_at", "latest_message.timestamp", "last_message_at"),
            ("latest_message.ack", "latest_message.ack", "latest_message.ack"),
            ("labels.label-x", "labels.label-x", "labels.label-x"),
            ("properties.note", "custom_properties.note", "properties.note"),
            ("access.a.b@acme.example", "chat_access.a.b@acme.example", "access.a.b@acme.example"),
        ] {
            let names = (Dialect::Chat.name(stored), Dialect::Session.name(stored));
            assert_eq!(names, (Some(chat.to_owned()), Some(session.to_owned())), "{stored}");
        }
        for hidden in ["read_up_to", "held_by.01980000"] {
            assert_eq!((Dialect::Chat.name(hidden), Dialect::Session.name(hidden)), (None, None));
        }
    }

    #[test]
    fn value_has_the_format_of_the_apis_chat() {
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let number = |number| Value { kind: Some(Kind::NumberValue(number)) };
        let id = text("15550101844@c.us");
        assert_eq!(Dialect::Session.value("chat_id", &id), text("15550101844@s.whatsapp.net"));
        assert_eq!(Dialect::Chat.value("chat_id", &id), id);
        assert_eq!(Dialect::Session.value("type", &text("user")), text("dm"));
        assert_eq!(Dialect::Session.value("type", &text("group")), text("group"));
        assert_eq!(Dialect::Chat.value("latest_message.ack", &number(4.0)), text("4"));
        assert_eq!(Dialect::Chat.value("closed_at", &number(0.0)), text("1970-01-01T00:00:00+00:00"));
        assert_eq!(Dialect::Session.value("last_message_at", &number(1_500_000.0)), number(1500.0));
        let nothing = Value { kind: Some(Kind::NullValue(0)) };
        assert_eq!(Dialect::Session.value("chat_id", &nothing), nothing);
    }
}
