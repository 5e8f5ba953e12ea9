//! The chat API's lists: requests into questions, rows into answers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::chat_object::chat_object;
use super::chats::{address, number};
use super::guard::caller;
use super::message_object::message_object;
use crate::actions::chat_lists::{self, ChatQuery};
use crate::actions::message_lists;
use crate::actions::offset_pages::{Listed, PageRequest};
use crate::caller::Caller;
use crate::pb::{
    ChatMessage, ListChatMessagesRequest, ListChatMessagesResponse, ListChatsRequest, ListChatsResponse,
    ListMessagesRequest, ListMessagesResponse,
};
use crate::store::Store;
use crate::store::message_lists::ListedMessage;

pub(super) async fn list_chats(
    store: &Store,
    request: Request<ListChatsRequest>,
) -> Result<Response<ListChatsResponse>, Status> {
    let caller = caller(&request)?;
    let number = number(request.metadata())?;
    let ListChatsRequest { offset, limit, chat_type, label, start_time, end_time, unread, skip_count } =
        request.into_inner();
    let query = ChatQuery { chat_type, label, start_time, end_time, unread };
    let page = PageRequest { offset, limit, skip_count };
    let listed = chat_lists::list(store, &caller, number, query, page).await?;
    let Listed { from, to, count, items } = listed;
    let chats = items.into_iter().map(|view| chat_object(caller.org, view)).collect();
    Ok(Response::new(ListChatsResponse { from, to, count, chats }))
}

pub(super) async fn list_chat_messages(
    store: &Store,
    request: Request<ListChatMessagesRequest>,
) -> Result<Response<ListChatMessagesResponse>, Status> {
    let caller = caller(&request)?;
    let number = number(request.metadata())?;
    let ListChatMessagesRequest { chat_id, offset, limit, skip_count } = request.into_inner();
    let address = address(&chat_id)?;
    let page = PageRequest { offset, limit, skip_count };
    let listed = message_lists::list_of_chat(store, &caller, address, number, page).await?;
    let Listed { from, to, count, items } = listed;
    Ok(Response::new(ListChatMessagesResponse { from, to, count, messages: messages(&caller, items) }))
}

pub(super) async fn list_messages(
    store: &Store,
    request: Request<ListMessagesRequest>,
) -> Result<Response<ListMessagesResponse>, Status> {
    let caller = caller(&request)?;
    let number = number(request.metadata())?;
    let ListMessagesRequest { offset, limit, start_time, end_time, skip_count } = request.into_inner();
    let page = PageRequest { offset, limit, skip_count };
    let listed =
        message_lists::list(store, &caller, number, start_time.as_deref(), end_time.as_deref(), page).await?;
    let Listed { from, to, count, items } = listed;
    Ok(Response::new(ListMessagesResponse { from, to, count, messages: messages(&caller, items) }))
}

fn messages(caller: &Arc<Caller>, listed: Vec<ListedMessage>) -> Vec<ChatMessage> {
    let object = |ListedMessage { chat_id, phone, message }: ListedMessage| {
        message_object(caller.org, &chat_id, &format!("{phone}@c.us"), message)
    };
    listed.into_iter().map(object).collect()
}
