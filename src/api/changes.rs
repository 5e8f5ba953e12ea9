//! Change events as both REST APIs and webhooks return them.

mod fields;

use prost_types::Value;
use tonic::Response;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use self::fields::Dialect;
use super::messages::{chat_message, session_message};
use super::streams::{ResponseStream, until_deadline};
use crate::actions::watch::{WatchMessage, WatchStream};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::pb::{
    ChatChange, FieldChange, SessionChatChange, SessionFieldChange, SessionMessage, WatchChatsResponse,
    WatchSessionChatsResponse, WebhookEvent,
};
use crate::store::events::{ChangeEvent, DELETED_TEXT, action_of, type_of};
use crate::store::message_lists::ListedMessage;
use crate::store::message_views::MessageView;
use crate::telemetry::metrics::GaugeGuard;

fn to_chat_change(org: OrgId, event: &ChangeEvent, message: Option<&MessageView>) -> ChatChange {
    let message = message.and_then(|message| {
        let (chat_id, phone) = (event.chat_id.as_ref()?.to_string(), event.phone.as_ref()?.to_string());
        Some(chat_message(org, ListedMessage { chat_id, phone, message: message.clone() }))
    });
    ChatChange {
        id: event.event_id,
        org_id: org.to_string(),
        chat_id: event.chat_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        org_phone: event.phone.as_ref().map(|phone| format!("{phone}@c.us")),
        action: action_of(&event.kind).to_owned(),
        r#type: type_of(&event.kind),
        performed_by: event.actor.clone(),
        performed_at: Some(event.at.into()),
        changes: field_changes(event, Dialect::Chat, |(field, previous, current)| FieldChange {
            field,
            previous,
            current,
        }),
        message,
    }
}

/// An entry of an audit log, which has the text of a deleted message if that is kept.
pub(super) fn to_audit_log(org: OrgId, event: &ChangeEvent) -> ChatChange {
    let mut change = to_chat_change(org, event, None);
    let kept = event.changes.0.get(DELETED_TEXT).map(|(previous, current)| FieldChange {
        field: DELETED_TEXT.to_owned(),
        previous: Some(previous.0.clone()),
        current: Some(current.0.clone()),
    });
    change.changes.extend(kept);
    change
}

fn to_session_chat_change(
    session: SessionId,
    event: &ChangeEvent,
    message: Option<&MessageView>,
) -> SessionChatChange {
    SessionChatChange {
        id: event.event_id,
        session_id: session.to_string(),
        jid: event.chat_id.as_ref().map(ChatAddress::to_jid).unwrap_or_default(),
        action: action_of(&event.kind).to_owned(),
        r#type: type_of(&event.kind),
        performed_by: event.actor.clone(),
        performed_at: event.at.millis(),
        changes: session_field_changes(event),
        message: message_of_session(event, message),
    }
}

/// The body of a webhook delivery; `message` is the one that the event is about.
pub fn webhook_event(org: OrgId, event: &ChangeEvent, message: Option<&MessageView>) -> WebhookEvent {
    WebhookEvent {
        id: event.event_id,
        org_id: org.to_string(),
        session_id: event.session_id.map(|session| session.to_string()),
        jid: event.chat_id.as_ref().map(ChatAddress::to_jid).unwrap_or_default(),
        action: action_of(&event.kind).to_owned(),
        r#type: type_of(&event.kind),
        performed_by: event.actor.clone(),
        performed_at: event.at.millis(),
        changes: session_field_changes(event),
        message: message_of_session(event, message),
    }
}

fn message_of_session(event: &ChangeEvent, message: Option<&MessageView>) -> Option<SessionMessage> {
    let (session, chat) = (event.session_id?, event.chat_id.as_ref()?);
    Some(session_message(session, chat, message?.clone()))
}

fn session_field_changes(event: &ChangeEvent) -> Vec<SessionFieldChange> {
    field_changes(event, Dialect::Session, |(field, previous, current)| SessionFieldChange {
        field,
        previous,
        current,
    })
}

/// The changed fields that the dialect shows: name, previous and current value.
fn field_changes<C>(
    event: &ChangeEvent,
    dialect: Dialect,
    to_message: impl Fn((String, Option<Value>, Option<Value>)) -> C,
) -> Vec<C> {
    let fields = event.changes.0.iter().filter_map(|(stored, (previous, current))| {
        let value = |value: &Value| Some(dialect.value(stored, value));
        Some((dialect.name(stored)?, value(&previous.0), value(&current.0)))
    });
    fields.map(to_message).collect()
}

/// The response of `WatchChats`.
pub(super) fn chat_change_stream(
    org: OrgId,
    watch: WatchStream,
) -> Response<ResponseStream<WatchChatsResponse>> {
    let gauge = GaugeGuard::stream("/switchboard.v1.ChatService/WatchChats");
    stream(watch, gauge, move |WatchMessage { change, resume_token }| WatchChatsResponse {
        change: change.map(|change| to_chat_change(org, &change.routable.event, change.message.as_ref())),
        resume_token: resume_token.to_string(),
    })
}

/// The response of `WatchSessionChats`.
pub(super) fn session_chat_change_stream(
    session: SessionId,
    watch: WatchStream,
) -> Response<ResponseStream<WatchSessionChatsResponse>> {
    let gauge = GaugeGuard::stream("/switchboard.v1.SessionService/WatchSessionChats");
    stream(watch, gauge, move |WatchMessage { change, resume_token }| WatchSessionChatsResponse {
        change: change
            .map(|change| to_session_chat_change(session, &change.routable.event, change.message.as_ref())),
        resume_token: resume_token.to_string(),
    })
}

/// A stream of the watch's items. It owns the gauge guard, so that the stream counts as open until it is dropped.
fn stream<T: 'static>(
    watch: WatchStream,
    gauge: GaugeGuard,
    to_message: impl Fn(WatchMessage) -> T + Send + 'static,
) -> Response<ResponseStream<T>> {
    Response::new(until_deadline(ReceiverStream::new(watch).map(move |item| {
        let _gauge = &gauge;
        Ok(to_message(item?))
    })))
}
