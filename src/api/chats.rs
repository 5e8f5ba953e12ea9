//! `switchboard.v1.ChatService`.

mod requests;

use tonic::{Request, Response};

use super::changes::{chat_change_stream, to_audit_log};
use super::chat_filters;
use super::chat_object::chat_object;
use super::etag::with_etag;
use super::guard::{caller, credential_check};
use super::idempotency::idempotent;
use super::messages::{chat_message, reactions};
use super::offset_pages::{self, positions};
use super::parse::{chat_address, x_phone};
use super::search::{search_query, search_response};
use super::state::{Api, RpcResult};
use super::streams::ResponseStream;
use super::write::update;
use crate::actions::chat_lists::ListPage;
use crate::actions::{audit, chat_bulk, chat_lists, chats, message_lists, search as searches, watch};
use crate::pb::chat_service_server::ChatService;
use crate::pb::{
    Chat, CloseChatRequest, CountChatsRequest, CountChatsResponse, GetChatRequest, ListChatAuditLogsRequest,
    ListChatAuditLogsResponse, ListChatMessagesRequest, ListChatMessagesResponse, ListChatsRequest,
    ListChatsResponse, ListMessagesRequest, ListMessagesResponse, ListReactionsRequest,
    ListReactionsResponse, MarkChatReadRequest, ReopenChatRequest, SearchMessagesRequest,
    SearchMessagesResponse, UpdateChatAccessRequest, UpdateChatLabelsRequest, UpdateChatRequest,
    WatchChatsRequest, WatchChatsResponse,
};

#[tonic::async_trait]
impl ChatService for Api {
    async fn get_chat(&self, request: Request<GetChatRequest>) -> RpcResult<Chat> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let address = chat_address("chat_id", &request.get_ref().chat_id)?;
        let view = chats::get(&self.store, &caller, address, number).await?;
        Ok(with_etag(chat_object(caller.org, view)))
    }

    async fn update_chat(&self, request: Request<UpdateChatRequest>) -> RpcResult<Chat> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = update(&request, move |view| chat_object(org, view))?;
        let (address, change) = requests::chat_change(request.into_inner())?;
        Ok(chats::update(&self.store, &caller, address, number, change, precondition, write).await?)
    }

    async fn list_chats(&self, request: Request<ListChatsRequest>) -> RpcResult<ListChatsResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (filter, order, page) = requests::chat_query(request.into_inner())?;
        let ListPage { count, items } =
            chat_lists::list(&self.store, &caller, number, (filter, order), page).await?;
        let chats = offset_pages::messages(items, |view| chat_object(caller.org, view));
        let (from, to) = positions(page.offset, chats.len());
        Ok(Response::new(ListChatsResponse { from, to, count, chats }))
    }

    async fn count_chats(&self, request: Request<CountChatsRequest>) -> RpcResult<CountChatsResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (filter, member) = requests::count_query(request.into_inner())?;
        let counts = chat_lists::count(&self.store, &caller, number, filter, member).await?;
        Ok(Response::new(chat_filters::counts(counts)))
    }

    async fn list_chat_messages(
        &self,
        request: Request<ListChatMessagesRequest>,
    ) -> RpcResult<ListChatMessagesResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (filter, page) = requests::chat_message_query(request.get_ref())?;
        let ListPage { count, items } =
            message_lists::list(&self.store, &caller, number, filter, page).await?;
        let messages = offset_pages::messages(items, |listed| chat_message(caller.org, listed));
        let (from, to) = positions(page.offset, messages.len());
        Ok(Response::new(ListChatMessagesResponse { from, to, count, messages }))
    }

    async fn list_reactions(
        &self,
        request: Request<ListReactionsRequest>,
    ) -> RpcResult<ListReactionsResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let ListReactionsRequest { chat_id, message_id } = request.into_inner();
        let chat = chat_address("chat_id", &chat_id)?;
        let stored = message_lists::reactions(&self.store, &caller, number, chat, message_id).await?;
        Ok(Response::new(ListReactionsResponse { reactions: reactions(stored).1 }))
    }

    async fn list_messages(&self, request: Request<ListMessagesRequest>) -> RpcResult<ListMessagesResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (filter, page) = requests::message_query(request.into_inner())?;
        let ListPage { count, items } =
            message_lists::list(&self.store, &caller, number, filter, page).await?;
        let messages = offset_pages::messages(items, |listed| chat_message(caller.org, listed));
        let (from, to) = positions(page.offset, messages.len());
        Ok(Response::new(ListMessagesResponse { from, to, count, messages }))
    }

    async fn mark_chat_read(&self, request: Request<MarkChatReadRequest>) -> RpcResult<Chat> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = update(&request, move |view| chat_object(org, view))?;
        let address = chat_address("chat_id", &request.get_ref().chat_id)?;
        Ok(chats::mark_read(&self.store, &caller, address, number, precondition, write).await?)
    }

    async fn close_chat(&self, request: Request<CloseChatRequest>) -> RpcResult<Chat> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = update(&request, move |view| chat_object(org, view))?;
        let address = chat_address("chat_id", &request.get_ref().chat_id)?;
        Ok(chats::set_closed(&self.store, &caller, (address, number), true, precondition, write).await?)
    }

    async fn reopen_chat(&self, request: Request<ReopenChatRequest>) -> RpcResult<Chat> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let org = caller.org;
        let (precondition, write) = update(&request, move |view| chat_object(org, view))?;
        let address = chat_address("chat_id", &request.get_ref().chat_id)?;
        Ok(chats::set_closed(&self.store, &caller, (address, number), false, precondition, write).await?)
    }

    async fn update_chat_labels(&self, request: Request<UpdateChatLabelsRequest>) -> RpcResult<()> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let write = idempotent(&request, Response::new, |()| ())?;
        let (labels, addresses) = requests::labels_change(request.into_inner())?;
        let chats = chat_bulk::Chats { addresses, number };
        Ok(chat_bulk::update_labels(&self.store, &caller, chats, labels, write).await?)
    }

    async fn update_chat_access(&self, request: Request<UpdateChatAccessRequest>) -> RpcResult<()> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let write = idempotent(&request, Response::new, |()| ())?;
        let (change, addresses) = requests::access_change(request.into_inner())?;
        let chats = chat_bulk::Chats { addresses, number };
        Ok(chat_bulk::update_access(&self.store, &caller, chats, change, write).await?)
    }

    async fn search_messages(
        &self,
        request: Request<SearchMessagesRequest>,
    ) -> RpcResult<SearchMessagesResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (query, filter, page) = search_query(request.into_inner(), number)?;
        let found = searches::messages(&self.store, &caller, &query, filter, page).await?;
        Ok(Response::new(search_response(caller.org, page, found)))
    }

    async fn list_chat_audit_logs(
        &self,
        request: Request<ListChatAuditLogsRequest>,
    ) -> RpcResult<ListChatAuditLogsResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let (query, page) = requests::audit_query(request.into_inner(), number)?;
        let page = audit::list(&self.store, &self.signing_keys, &caller, query, page).await?;
        let audit_logs = page.items.iter().map(|event| to_audit_log(caller.org, event)).collect();
        Ok(Response::new(ListChatAuditLogsResponse { audit_logs, next_cursor: page.next }))
    }

    type WatchChatsStream = ResponseStream<WatchChatsResponse>;

    async fn watch_chats(&self, request: Request<WatchChatsRequest>) -> RpcResult<Self::WatchChatsStream> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let credential_check = credential_check(&request)?;
        let query = requests::watch_query(request.into_inner(), number);
        let watch = watch::watch(&self.publisher, caller.clone(), credential_check, query).await?;
        Ok(chat_change_stream(caller.org, watch))
    }
}
