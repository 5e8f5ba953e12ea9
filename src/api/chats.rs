//! The chat API's RPCs.

use prost_types::value::Kind as ValueKind;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::chat_object::chat_object;
use super::etag::{condition, versioned};
use super::guard::{caller, credential_check};
use super::idempotency::once;
use super::streams::Answers;
use super::{changes, chat_bulk, chat_lists, search};
use crate::actions::chat_properties::PropertyInput;
use crate::actions::chats::{self, ChatChange};
use crate::actions::watch::{self, Publisher};
use crate::actions::{audit, search as searches};
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::patch::Patch;
use crate::pb::chat_service_server::ChatService;
use crate::pb::{
    Chat, GetChatRequest, ListChatAuditLogsRequest, ListChatAuditLogsResponse, ListChatMessagesRequest,
    ListChatMessagesResponse, ListChatsRequest, ListChatsResponse, ListMessagesRequest, ListMessagesResponse,
    MarkChatReadRequest, SearchMessagesRequest, SearchMessagesResponse, UpdateChatAccessRequest,
    UpdateChatLabelsRequest, UpdateChatRequest, WatchChatsRequest, WatchChatsResponse,
};
use crate::store::Store;

/// `switchboard.v1.ChatService`.
#[derive(Clone)]
pub struct ChatApi {
    store: Store,
    cursors: SigningKeys,
    watches: Publisher,
}

impl ChatApi {
    /// The service on that store, with what cursors are signed with, and what there is to watch.
    pub fn new(store: Store, cursors: SigningKeys, watches: Publisher) -> Self {
        Self { store, cursors, watches }
    }
}

#[tonic::async_trait]
impl ChatService for ChatApi {
    async fn get_chat(&self, request: Request<GetChatRequest>) -> Result<Response<Chat>, Status> {
        let caller = caller(&request)?;
        let number = number(request.metadata())?;
        let address = address(&request.get_ref().chat_id)?;
        let view = chats::get(&self.store, &caller, address, number).await?;
        Ok(versioned(chat_object(caller.org, view)))
    }

    async fn update_chat(&self, request: Request<UpdateChatRequest>) -> Result<Response<Chat>, Status> {
        let caller = caller(&request)?;
        let org = caller.org;
        let number = number(request.metadata())?;
        let object = move |view| chat_object(org, view);
        let precondition = condition(request.metadata(), object);
        let once = once(&request, versioned, object)?;
        let request = request.into_inner();
        let address = address(&request.chat_id)?;
        let change = change(request)?;
        Ok(chats::update(&self.store, &caller, address, number, change, precondition, once).await?)
    }

    async fn list_chats(
        &self,
        request: Request<ListChatsRequest>,
    ) -> Result<Response<ListChatsResponse>, Status> {
        chat_lists::list_chats(&self.store, request).await
    }

    async fn list_chat_messages(
        &self,
        request: Request<ListChatMessagesRequest>,
    ) -> Result<Response<ListChatMessagesResponse>, Status> {
        chat_lists::list_chat_messages(&self.store, request).await
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Result<Response<ListMessagesResponse>, Status> {
        chat_lists::list_messages(&self.store, request).await
    }

    async fn mark_chat_read(&self, request: Request<MarkChatReadRequest>) -> Result<Response<Chat>, Status> {
        let caller = caller(&request)?;
        let org = caller.org;
        let number = number(request.metadata())?;
        let object = move |view| chat_object(org, view);
        let precondition = condition(request.metadata(), object);
        let once = once(&request, versioned, object)?;
        let address = address(&request.get_ref().chat_id)?;
        Ok(chats::mark_read(&self.store, &caller, address, number, precondition, once).await?)
    }

    async fn update_chat_labels(
        &self,
        request: Request<UpdateChatLabelsRequest>,
    ) -> Result<Response<()>, Status> {
        chat_bulk::update_labels(&self.store, request).await
    }

    async fn update_chat_access(
        &self,
        request: Request<UpdateChatAccessRequest>,
    ) -> Result<Response<()>, Status> {
        chat_bulk::update_access(&self.store, request).await
    }

    async fn search_messages(
        &self,
        request: Request<SearchMessagesRequest>,
    ) -> Result<Response<SearchMessagesResponse>, Status> {
        let caller = caller(&request)?;
        let number = number(request.metadata())?;
        let search = search::search(request.into_inner(), number)?;
        let offset = search.offset.unwrap_or_default();
        let found = searches::messages(&self.store, &caller, search).await?;
        Ok(Response::new(search::response(caller.org, offset, found)))
    }

    async fn list_chat_audit_logs(
        &self,
        request: Request<ListChatAuditLogsRequest>,
    ) -> Result<Response<ListChatAuditLogsResponse>, Status> {
        let caller = caller(&request)?;
        let number = number(request.metadata())?;
        let request = request.into_inner();
        let address = address(&request.chat_id)?;
        let asked = changes::asked(request, number)?;
        let page = audit::list(&self.store, &self.cursors, &caller, address, asked).await?;
        let audit_logs = page.items.iter().map(|event| changes::chat_change(caller.org, event)).collect();
        Ok(Response::new(ListChatAuditLogsResponse { audit_logs, next_cursor: page.next }))
    }

    type WatchChatsStream = Answers<WatchChatsResponse>;

    async fn watch_chats(
        &self,
        request: Request<WatchChatsRequest>,
    ) -> Result<Response<Self::WatchChatsStream>, Status> {
        let caller = caller(&request)?;
        let number = number(request.metadata())?;
        let credential_check = credential_check(&request)?;
        let WatchChatsRequest { resume_token, label, assigned_to, actions } = request.into_inner();
        let asked = watch::WatchRequest { number, session: None, label, assigned_to, actions, resume_token };
        let watch = watch::watch(&self.watches, caller.clone(), credential_check, asked).await?;
        Ok(changes::chat_changes(caller.org, watch))
    }
}

pub(super) fn address(chat_id: &str) -> Result<ChatAddress> {
    ChatAddress::from_chat_id(chat_id).map_err(|invalid| Error::invalid("chat_id", invalid))
}

/// The number that `x-phone` selects.
pub(super) fn number(metadata: &MetadataMap) -> Result<Option<PhoneSelector>> {
    let invalid = |message: &dyn std::fmt::Display| Error::invalid("x-phone", message);
    let mut values = metadata.get_all("x-phone").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(invalid(&"must be sent once")),
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default();
            text.parse().map(Some).map_err(|expected| invalid(&expected))
        }
    }
}

/// What the mask names changes; without a mask, what is set.
fn change(request: UpdateChatRequest) -> Result<ChatChange> {
    let chat = request.chat.unwrap_or_default();
    let assigned_to = chat.assigned_to.map_or(Patch::Clear, Patch::Set);
    let labels = if chat.labels.is_empty() { Patch::Clear } else { Patch::Set(chat.labels) };
    let values = chat.custom_properties.map(|values| values.fields.into_iter());
    let custom_properties = values
        .map_or(Patch::Clear, |values| Patch::Set(values.map(|(key, value)| (key, given(value))).collect()));
    let Some(mask) = request.update_mask else {
        return Ok(ChatChange {
            assigned_to: if_set(assigned_to),
            labels: if_set(labels),
            custom_properties: if_set(custom_properties),
        });
    };
    let all = ChatChange { assigned_to, labels, custom_properties };
    let mut masked = ChatChange::default();
    for path in mask.paths {
        match path.as_str() {
            "assigned_to" => masked.assigned_to = all.assigned_to.clone(),
            "labels" => masked.labels = all.labels.clone(),
            "custom_properties" => masked.custom_properties = all.custom_properties.clone(),
            _ => {
                let message = "may name assigned_to, labels and custom_properties";
                return Err(Error::invalid("update_mask", message));
            }
        }
    }
    Ok(masked)
}

/// Without a mask, what is not set is not meant.
fn if_set<T>(patch: Patch<T>) -> Patch<T> {
    if let Patch::Set(value) = patch { Patch::Set(value) } else { Patch::Keep }
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

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;

    fn request(chat: Chat, paths: Option<&[&str]>) -> UpdateChatRequest {
        let update_mask =
            paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        UpdateChatRequest { chat_id: String::new(), chat: Some(chat), update_mask }
    }

    fn assigned() -> Chat {
        Chat { assigned_to: Some("agent@acme.example".to_owned()), ..Chat::default() }
    }

    #[test]
    fn without_a_mask_what_is_set_changes() {
        let change = change(request(assigned(), None)).unwrap();
        assert_eq!(change.assigned_to, Patch::Set("agent@acme.example".to_owned()));
        assert!(change.labels.is_keep() && change.custom_properties.is_keep());
    }

    #[test]
    fn with_a_mask_what_it_names_changes_and_is_cleared_when_not_set() {
        let change = change(request(assigned(), Some(&["labels"]))).unwrap();
        assert_eq!((change.assigned_to, change.labels), (Patch::Keep, Patch::Clear));
    }

    #[test]
    fn a_mask_names_nothing_else() {
        for path in ["chat_name", "assignedTo", "custom_properties.Note", "*", ""] {
            let error = change(request(assigned(), Some(&["labels", path]))).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }

    #[test]
    fn x_phone_is_digits_or_a_phone_id_sent_once() {
        let parsed = |values: &[&str]| {
            let mut metadata = MetadataMap::new();
            for value in values {
                metadata.append("x-phone", value.parse().unwrap());
            }
            number(&metadata)
        };
        assert!(parsed(&[]).unwrap().is_none());
        assert!(parsed(&["15550100400"]).unwrap().is_some());
        assert!(parsed(&["phone-abcdefghijk1"]).unwrap().is_some());
        for refused in [&["+15550100400"][..], &[""], &["1555 0100400"], &["15550100400", "15550100400"]] {
            assert_eq!(parsed(refused).unwrap_err().fields()[0].field, "x-phone", "{refused:?}");
        }
    }
}
