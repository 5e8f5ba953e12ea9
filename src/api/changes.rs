//! Changes of chats, in the words of the chat API.

use prost_types::value::Kind;
use tonic::Response;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use super::streams::{Answers, in_time};
use crate::actions::audit::Asked;
use crate::actions::offset_pages::moment;
use crate::actions::watch::{Told, Watch};
use crate::error::Result;
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;
use crate::pb::{
    ChatChange, FieldChange, ListChatAuditLogsRequest, SessionChatChange, SessionFieldChange,
    WatchChatsResponse, WatchSessionChatsResponse, WebhookEvent,
};
use crate::store::events::Event;
use crate::telemetry::metrics::Present;

/// What the request asks for, besides the chat.
pub(super) fn asked(request: ListChatAuditLogsRequest, number: Option<PhoneSelector>) -> Result<Asked> {
    Ok(Asked {
        number,
        from: request.start_time.map(|text| moment("start_time", &text)).transpose()?,
        before: request.end_time.map(|text| moment("end_time", &text)).transpose()?,
        performed_by: request.performed_by,
        action: request.action,
        limit: request.limit,
        cursor: request.cursor,
    })
}

/// A change as the chat API tells it.
pub(super) fn chat_change(org: OrgId, event: &Event) -> ChatChange {
    ChatChange {
        id: event.event_id,
        org_id: org.to_string(),
        chat_id: event.chat_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        org_phone: event.phone.as_ref().map(|phone| format!("{phone}@c.us")),
        action: event.kind.clone(),
        performed_by: event.actor.clone(),
        performed_at: Some(event.at.into()),
        changes: field_changes(event, rfc_3339, |field, previous, current| FieldChange {
            field: chat_field(field),
            previous,
            current,
        }),
    }
}

/// A change as the session API tells it.
fn session_chat_change(session: SessionId, event: &Event) -> SessionChatChange {
    SessionChatChange {
        id: event.event_id,
        session_id: session.to_string(),
        jid: event.chat_id.as_ref().map(ChatAddress::to_jid).unwrap_or_default(),
        action: event.kind.clone(),
        performed_by: event.actor.clone(),
        performed_at: event.at.millis(),
        changes: session_field_changes(event),
    }
}

/// A change as webhooks are told of it.
pub fn webhook_event(org: OrgId, event: &Event) -> WebhookEvent {
    WebhookEvent {
        id: event.event_id,
        org_id: org.to_string(),
        session_id: event.session_id.map(|session| session.to_string()),
        jid: event.chat_id.as_ref().map(ChatAddress::to_jid).unwrap_or_default(),
        action: event.kind.clone(),
        performed_by: event.actor.clone(),
        performed_at: event.at.millis(),
        changes: session_field_changes(event),
    }
}

fn session_field_changes(event: &Event) -> Vec<SessionFieldChange> {
    field_changes(event, millis, |field, previous, current| SessionFieldChange {
        field: session_chat_field(field),
        previous,
        current,
    })
}

/// A watch in the words of the chat API.
pub(super) fn chat_changes(org: OrgId, watch: Watch) -> Response<Answers<WatchChatsResponse>> {
    let present = Present::stream("/switchboard.v1.ChatService/WatchChats");
    told(watch, present, move |Told { change, resume_token }| WatchChatsResponse {
        change: change.map(|watched| chat_change(org, &watched.event)),
        resume_token: resume_token.to_string(),
    })
}

/// A watch in the words of the session API.
pub(super) fn session_chat_changes(
    session: SessionId,
    watch: Watch,
) -> Response<Answers<WatchSessionChatsResponse>> {
    let present = Present::stream("/switchboard.v1.SessionService/WatchSessionChats");
    told(watch, present, move |Told { change, resume_token }| WatchSessionChatsResponse {
        change: change.map(|watched| session_chat_change(session, &watched.event)),
        resume_token: resume_token.to_string(),
    })
}

/// The watch as a stream that is present for as long as somebody reads it.
fn told<T: 'static>(
    watch: Watch,
    present: Present,
    say: impl Fn(Told) -> T + Send + 'static,
) -> Response<Answers<T>> {
    Response::new(in_time(ReceiverStream::new(watch).map(move |told| {
        let _present = &present;
        Ok(say(told?))
    })))
}

/// The fields that changed, each by its name in an API and with instants as the API writes them.
fn field_changes<C>(
    event: &Event,
    instant: impl Fn(Instant) -> Kind,
    change: impl Fn(&str, Option<prost_types::Value>, Option<prost_types::Value>) -> C,
) -> Vec<C> {
    let value = |is_instant: bool, value: &prost_types::Value| match value.kind {
        Some(Kind::NumberValue(micros)) if is_instant => {
            // Microseconds of this era are whole numbers in a double.
            #[expect(clippy::cast_possible_truncation, reason = "PostgreSQL's instants fit")]
            let at = Instant::from_micros(micros as i64);
            Some(prost_types::Value { kind: Some(instant(at)) })
        }
        _ => Some(value.clone()),
    };
    let fields = event.changes.0.iter().map(|(field, (previous, current))| {
        let is_instant = INSTANTS.contains(&field.as_str());
        change(field, value(is_instant, &previous.0), value(is_instant, &current.0))
    });
    fields.collect()
}

/// As the chat API writes instants.
fn rfc_3339(at: Instant) -> Kind {
    Kind::StringValue(prost_types::Timestamp::from(at).to_string().replace('Z', "+00:00"))
}

/// As the session API does.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are whole numbers in a double")]
fn millis(at: Instant) -> Kind {
    Kind::NumberValue(at.millis() as f64)
}

/// Fields that are instants.
const INSTANTS: [&str; 5] = ["closed_at", "created_at", "muted_until", "read_up_to", "last_message_at"];

/// A stored field's name in the chat object.
fn chat_field(field: &str) -> String {
    match field {
        "type" => "chat_type",
        "name" => "chat_name",
        "image" => "chat_image",
        "description" => "group_description",
        "assignee" => "assigned_to",
        "archived" => "is_archived",
        "pinned" => "is_pinned",
        "exited" => "is_exited",
        "unread" => "message_unread_count",
        "latest_message_id" => "latest_message.unique_id",
        "last_message_at" => "latest_message.timestamp",
        other => {
            let (kind, part) = other.split_once('.').unwrap_or_default();
            return match kind {
                "properties" => format!("custom_properties.{part}"),
                "access" => format!("chat_access.{part}"),
                _ => other.to_owned(),
            };
        }
    }
    .to_owned()
}

/// A stored field's name in a session's chat.
fn session_chat_field(field: &str) -> String {
    match field {
        "unread" => "unread_count".to_owned(),
        other => other.to_owned(),
    }
}
