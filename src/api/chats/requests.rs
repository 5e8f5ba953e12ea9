//! Requests of the chat API as the inputs of its actions.

use prost_types::value::Kind as ValueKind;

use crate::actions::audit::AuditQuery;
use crate::actions::chat_bulk::AccessChange;
use crate::actions::chat_lists::ChatQuery;
use crate::actions::chat_properties::PropertyInput;
use crate::actions::chats::ChatChange;
use crate::actions::offset_pages::{PageRequest, moment};
use crate::actions::{page, watch};
use crate::api::mask::Mask;
use crate::api::parse::{chat_address, parse_each};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::pb::{
    ListChatAuditLogsRequest, ListChatMessagesRequest, ListChatsRequest, UpdateChatAccessRequest,
    UpdateChatLabelsRequest, UpdateChatRequest, WatchChatsRequest,
};

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

pub(super) fn chat_query(request: ListChatsRequest) -> (ChatQuery, PageRequest) {
    let ListChatsRequest { offset, limit, chat_type, label, start_time, end_time, unread, skip_count } =
        request;
    let query = ChatQuery { chat_type, label, start_time, end_time, unread };
    (query, PageRequest { offset, limit, skip_count })
}

pub(super) fn chat_message_page(request: &ListChatMessagesRequest) -> Result<(ChatAddress, PageRequest)> {
    let ListChatMessagesRequest { ref chat_id, offset, limit, skip_count } = *request;
    Ok((chat_address("chat_id", chat_id)?, PageRequest { offset, limit, skip_count }))
}

pub(super) fn labels_change(request: UpdateChatLabelsRequest) -> Result<(String, Vec<ChatAddress>)> {
    let labels = request.labels.ok_or_else(|| Error::invalid("labels", "is missing"))?;
    Ok((labels, parse_each("chat_ids", &request.chat_ids, chat_address)?))
}

pub(super) fn access_change(request: UpdateChatAccessRequest) -> Result<(AccessChange, Vec<ChatAddress>)> {
    let access = request.access.ok_or_else(|| Error::invalid("access", "is missing"))?;
    let access = access.fields.into_iter().map(|(email, value)| (email, boolean(&value))).collect();
    let change = AccessChange { access, replace: request.replace.unwrap_or(true) };
    Ok((change, parse_each("chat_ids", &request.chat_ids, chat_address)?))
}

fn boolean(value: &prost_types::Value) -> Option<bool> {
    if let Some(ValueKind::BoolValue(value)) = value.kind { Some(value) } else { None }
}

pub(super) fn audit_query(
    request: ListChatAuditLogsRequest,
    phone: Option<PhoneSelector>,
) -> Result<(AuditQuery, page::PageRequest)> {
    let query = AuditQuery {
        address: chat_address("chat_id", &request.chat_id)?,
        phone,
        from: request.start_time.map(|text| moment("start_time", &text)).transpose()?,
        before: request.end_time.map(|text| moment("end_time", &text)).transpose()?,
        actor: request.performed_by,
        kind: request.action,
        older_than: None,
        sessions: None,
    };
    Ok((query, page::PageRequest { limit: request.limit, cursor: request.cursor }))
}

pub(super) fn watch_query(request: WatchChatsRequest, number: Option<PhoneSelector>) -> watch::WatchRequest {
    let WatchChatsRequest { resume_token, label, assigned_to, actions } = request;
    watch::WatchRequest { number, session: None, label, assigned_to, actions, resume_token }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::patch::Patch;
    use crate::pb::Chat;

    fn changed(paths: Option<&[&str]>) -> Result<ChatChange> {
        let chat = Chat { assigned_to: Some("agent@acme.example".to_owned()), ..Chat::default() };
        let update_mask =
            paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        let request = UpdateChatRequest { chat_id: "15550101844".to_owned(), chat: Some(chat), update_mask };
        chat_change(request).map(|(_, change)| change)
    }

    #[test]
    fn without_mask_fields_with_values_change() {
        let change = changed(None).unwrap();
        assert_eq!(change.assigned_to, Patch::Set("agent@acme.example".to_owned()));
        assert!(change.labels.is_keep() && change.custom_properties.is_keep());
    }

    #[test]
    fn with_mask_named_field_without_value_is_cleared() {
        let change = changed(Some(&["labels"])).unwrap();
        assert_eq!((change.assigned_to, change.labels), (Patch::Keep, Patch::Clear));
    }

    #[test]
    fn mask_with_read_only_field_is_invalid() {
        for path in ["chat_name", "assignedTo", "custom_properties.Note", "*", ""] {
            let error = changed(Some(&["labels", path])).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }
}
