//! The chat API's changes of many chats at once.

use prost_types::value::Kind as ValueKind;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::chats::number;
use super::guard::caller;
use super::idempotency::once;
use crate::actions::chat_bulk::{self, AccessChange, Chats};
use crate::error::{Error, Result};
use crate::ids::ChatAddress;
use crate::pb::{UpdateChatAccessRequest, UpdateChatLabelsRequest};
use crate::store::Store;

pub(super) async fn update_labels(
    store: &Store,
    request: Request<UpdateChatLabelsRequest>,
) -> Result<Response<()>, Status> {
    let caller = caller(&request)?;
    let once = once(&request, Response::new, |()| ())?;
    let labels = request.get_ref().labels.clone().ok_or_else(|| Error::invalid("labels", "is missing"))?;
    let chats = chats(request.metadata(), &request.get_ref().chat_ids)?;
    Ok(chat_bulk::update_labels(store, &caller, chats, labels, once).await?)
}

pub(super) async fn update_access(
    store: &Store,
    request: Request<UpdateChatAccessRequest>,
) -> Result<Response<()>, Status> {
    let caller = caller(&request)?;
    let once = once(&request, Response::new, |()| ())?;
    let access = request.get_ref().access.clone().ok_or_else(|| Error::invalid("access", "is missing"))?;
    let access = access.fields.into_iter().map(|(email, value)| (email, yes_or_no(&value))).collect();
    let change = AccessChange { access, replace: request.get_ref().replace.unwrap_or(true) };
    let chats = chats(request.metadata(), &request.get_ref().chat_ids)?;
    Ok(chat_bulk::update_access(store, &caller, chats, change, once).await?)
}

fn yes_or_no(value: &prost_types::Value) -> Option<bool> {
    if let Some(ValueKind::BoolValue(value)) = value.kind { Some(value) } else { None }
}

fn chats(metadata: &MetadataMap, chat_ids: &[String]) -> Result<Chats> {
    let number = number(metadata)?;
    let address = |(index, id): (usize, &String)| {
        ChatAddress::from_chat_id(id)
            .map_err(|expected| Error::invalid(format!("chat_ids[{index}]"), expected))
    };
    Ok(Chats { addresses: chat_ids.iter().enumerate().map(address).collect::<Result<_>>()?, number })
}
