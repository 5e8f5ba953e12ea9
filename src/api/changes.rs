//! Changes of chats, in the words of either API.

mod fields;

use prost_types::Value;
use tonic::Response;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use self::fields::Api;
use super::streams::{Answers, in_time};
use crate::actions::audit::AuditQuery;
use crate::actions::offset_pages::moment;
use crate::actions::watch::{WatchMessage, WatchStream};
use crate::error::Result;
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::pb::{
    ChatChange, FieldChange, ListChatAuditLogsRequest, SessionChatChange, SessionFieldChange,
    WatchChatsResponse, WatchSessionChatsResponse, WebhookEvent,
};
use crate::store::events::ChangeEvent;
use crate::telemetry::metrics::Present;

/// What the request asks for, besides the chat.
pub(super) fn asked(request: ListChatAuditLogsRequest, number: Option<PhoneSelector>) -> Result<AuditQuery> {
    Ok(AuditQuery {
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
pub(super) fn chat_change(org: OrgId, event: &ChangeEvent) -> ChatChange {
    ChatChange {
        id: event.event_id,
        org_id: org.to_string(),
        chat_id: event.chat_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        org_phone: event.phone.as_ref().map(|phone| format!("{phone}@c.us")),
        action: event.kind.clone(),
        performed_by: event.actor.clone(),
        performed_at: Some(event.at.into()),
        changes: field_changes(event, Api::Chat, |field, previous, current| FieldChange {
            field,
            previous,
            current,
        }),
    }
}

/// A change as the session API tells it.
fn session_chat_change(session: SessionId, event: &ChangeEvent) -> SessionChatChange {
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
pub fn webhook_event(org: OrgId, event: &ChangeEvent) -> WebhookEvent {
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

fn session_field_changes(event: &ChangeEvent) -> Vec<SessionFieldChange> {
    field_changes(event, Api::Session, |field, previous, current| SessionFieldChange {
        field,
        previous,
        current,
    })
}

/// A watch in the words of the chat API.
pub(super) fn chat_changes(org: OrgId, watch: WatchStream) -> Response<Answers<WatchChatsResponse>> {
    let present = Present::stream("/switchboard.v1.ChatService/WatchChats");
    told(watch, present, move |WatchMessage { change, resume_token }| WatchChatsResponse {
        change: change.map(|watched| chat_change(org, &watched.event)),
        resume_token: resume_token.to_string(),
    })
}

/// A watch in the words of the session API.
pub(super) fn session_chat_changes(
    session: SessionId,
    watch: WatchStream,
) -> Response<Answers<WatchSessionChatsResponse>> {
    let present = Present::stream("/switchboard.v1.SessionService/WatchSessionChats");
    told(watch, present, move |WatchMessage { change, resume_token }| WatchSessionChatsResponse {
        change: change.map(|watched| session_chat_change(session, &watched.event)),
        resume_token: resume_token.to_string(),
    })
}

/// The watch as a stream that is present for as long as somebody reads it.
fn told<T: 'static>(
    watch: WatchStream,
    present: Present,
    say: impl Fn(WatchMessage) -> T + Send + 'static,
) -> Response<Answers<T>> {
    Response::new(in_time(ReceiverStream::new(watch).map(move |told| {
        let _present = &present;
        Ok(say(told?))
    })))
}

/// The fields that changed, as the API tells them.
fn field_changes<C>(
    event: &ChangeEvent,
    api: Api,
    change: impl Fn(String, Option<Value>, Option<Value>) -> C,
) -> Vec<C> {
    let fields = event.changes.0.iter().filter_map(|(stored, (previous, current))| {
        let value = |value: &Value| Some(api.value(stored, value));
        Some(change(api.name(stored)?, value(&previous.0), value(&current.0)))
    });
    fields.collect()
}
