//! Requests of the chat API as the inputs of its actions.

use prost_types::value::Kind as ValueKind;

use crate::actions::audit::AuditQuery;
use crate::actions::chat_bulk::AccessChange;
use crate::actions::chat_lists::{ChatFilter, ChatOrder, PageWindow};
use crate::actions::chat_properties::PropertyInput;
use crate::actions::chats::ChatChange;
use crate::actions::message_lists::MessageFilter;
use crate::actions::page::PageRequest;
use crate::actions::watch;
use crate::api::chat_filters;
use crate::api::mask::Mask;
use crate::api::offset_pages::page;
use crate::api::parse::{chat_address, iso_8601, optional, parse_each};
use crate::error::Result;
use crate::ids::{ChatAddress, PhoneSelector};
use crate::pb::{
    CountChatsRequest, ListChatAuditLogsRequest, ListChatMessagesRequest, ListChatsRequest,
    ListMessagesRequest, UpdateChatAccessRequest, UpdateChatLabelsRequest, UpdateChatRequest,
    WatchChatsRequest,
};
use crate::text_key::text_key;

pub(super) fn chat_change(request: UpdateChatRequest) -> Result<(ChatAddress, ChatChange)> {
    let address = chat_address("chat_id", &request.chat_id)?;
    let mask = Mask::new(request.update_mask, ["assigned_to", "labels", "custom_properties"])?;
    let chat = request.chat.unwrap_or_default();
    let labels = Some(chat.labels).filter(|labels| !labels.is_empty());
    let properties = chat.custom_properties.map(|values| values.fields.into_iter());
    let properties = properties.map(|values| values.map(|(key, value)| (key, given(value))).collect());
    let change = ChatChange {
        assigned_to: mask.patch("assigned_to", chat.assigned_to),
        labels: mask.patch("labels", labels),
        custom_properties: mask.patch("custom_properties", properties),
    };
    Ok((address, change))
}

fn given(value: prost_types::Value) -> PropertyInput {
    match value.kind {
        Some(ValueKind::NullValue(_)) => PropertyInput::Null,
        Some(ValueKind::StringValue(text)) => PropertyInput::Text(text),
        Some(ValueKind::ListValue(list)) => {
            let texts: Option<Vec<_>> = list.values.into_iter().map(text).collect();
            texts.map_or(PropertyInput::Other, PropertyInput::Texts)
        }
        Some(ValueKind::NumberValue(_) | ValueKind::BoolValue(_) | ValueKind::StructValue(_)) | None => {
            PropertyInput::Other
        }
    }
}

fn text(value: prost_types::Value) -> Option<String> {
    if let Some(ValueKind::StringValue(text)) = value.kind { Some(text) } else { None }
}

pub(super) fn chat_query(request: ListChatsRequest) -> Result<(ChatFilter, ChatOrder, PageWindow)> {
    let order = chat_filters::order(request.sort.as_deref());
    let filter = ChatFilter {
        chat_type: request.chat_type.as_deref().and_then(chat_type),
        labels: chat_filters::labels([&request.label].into_iter().chain(&request.labels)),
        start: optional("start_time", request.start_time, iso_8601)?,
        end: optional("end_time", request.end_time, iso_8601)?,
        unread: request.unread,
        assigned: chat_filters::assignee(request.assigned_to.as_deref())?,
        closed: request.closed,
        archived: request.archived,
        name: name_filter(request.query),
        ..ChatFilter::default()
    };
    Ok((filter, order, page(request.offset, request.limit, request.skip_count)))
}

/// What is counted, and the key of the member whose chats are counted as `mine`.
pub(super) fn count_query(request: CountChatsRequest) -> Result<(ChatFilter, Option<String>)> {
    let filter = ChatFilter {
        chat_type: request.chat_type.as_deref().and_then(chat_type),
        labels: chat_filters::labels(&request.labels),
        assigned: chat_filters::assignee(request.assigned_to.as_deref())?,
        name: name_filter(request.query),
        ..ChatFilter::default()
    };
    Ok((filter, request.member.as_deref().map(text_key)))
}

fn name_filter(query: String) -> Option<String> {
    Some(query.trim().to_owned()).filter(|query| !query.is_empty())
}

/// The stored type; `individual` is another name of `user`.
fn chat_type(name: &str) -> Option<&'static str> {
    match name {
        "user" | "individual" => Some("user"),
        "group" => Some("group"),
        "business" => Some("business"),
        _ => None,
    }
}

pub(super) fn chat_message_query(request: &ListChatMessagesRequest) -> Result<(MessageFilter, PageWindow)> {
    let chat = chat_address("chat_id", &request.chat_id)?;
    let filter = MessageFilter { chat: Some(chat), ..MessageFilter::default() };
    Ok((filter, page(request.offset, request.limit, request.skip_count)))
}

pub(super) fn message_query(request: ListMessagesRequest) -> Result<(MessageFilter, PageWindow)> {
    let filter = MessageFilter {
        chat: None,
        start: optional("start_time", request.start_time, iso_8601)?,
        end: optional("end_time", request.end_time, iso_8601)?,
    };
    Ok((filter, page(request.offset, request.limit, request.skip_count)))
}

pub(super) fn labels_change(request: UpdateChatLabelsRequest) -> Result<(String, Vec<ChatAddress>)> {
    Ok((request.labels.unwrap_or_default(), parse_each("chat_ids", &request.chat_ids, chat_address)?))
}

pub(super) fn access_change(request: UpdateChatAccessRequest) -> Result<(AccessChange, Vec<ChatAddress>)> {
    let access = request
        .access
        .unwrap_or_default()
        .fields
        .into_iter()
        .map(|(email, value)| (email, boolean(&value)))
        .collect();
    let change = AccessChange { access, replace: request.replace.unwrap_or(true) };
    Ok((change, parse_each("chat_ids", &request.chat_ids, chat_address)?))
}

fn boolean(value: &prost_types::Value) -> Option<bool> {
    if let Some(ValueKind::BoolValue(value)) = value.kind { Some(value) } else { None }
}

pub(super) fn audit_query(
    request: ListChatAuditLogsRequest,
    phone: Option<PhoneSelector>,
) -> Result<(AuditQuery, PageRequest)> {
    let query = AuditQuery {
        address: chat_address("chat_id", &request.chat_id)?,
        phone,
        from: optional("start_time", request.start_time, iso_8601)?,
        before: optional("end_time", request.end_time, iso_8601)?,
        actor: request.performed_by,
        action: request.action,
        older_than: None,
        sessions: None,
        viewer: None,
        is_claimed: false,
    };
    Ok((query, PageRequest { limit: request.limit, cursor: request.cursor }))
}

pub(super) fn watch_query(request: WatchChatsRequest, number: Option<PhoneSelector>) -> watch::WatchRequest {
    let WatchChatsRequest { resume_token, label, assigned_to, actions } = request;
    watch::WatchRequest { number, session: None, label, assigned_to, actions, resume_token }
}
