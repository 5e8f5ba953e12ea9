//! `switchboard.v1.SessionService`.

mod objects;
mod requests;

use tonic::{Request, Response};

use self::objects::{session, session_chat};
use super::changes::session_chat_change_stream;
use super::chat_filters;
use super::etag::with_etag;
use super::guard::{caller, credential_check};
use super::idempotency::idempotent;
use super::messages::session_message;
use super::parse::parse;
use super::sends;
use super::state::{Api, RpcResult};
use super::streams::ResponseStream;
use super::write::{deletion, update};
use crate::actions::read_state::ReadState;
use crate::actions::sends::{Recipient, page as send_page, send};
use crate::actions::session_lists::PageRequest;
use crate::actions::{session_chats, session_lists, sessions, watch};
use crate::pb::session_service_server::SessionService;
use crate::pb::{
    CountChatsResponse, CountSessionChatsRequest, CreateSessionRequest, DeleteSessionChatRequest,
    DeleteSessionRequest, GetSessionChatRequest, GetSessionRequest, ListSessionChatMessagesRequest,
    ListSessionChatMessagesResponse, ListSessionChatsRequest, ListSessionChatsResponse,
    ListSessionSendsRequest, ListSessionSendsResponse, ListSessionsRequest, ListSessionsResponse,
    MarkSessionChatReadRequest, MarkSessionChatUnreadRequest, SendSessionMessageRequest, Session,
    SessionChat, SessionMessage, UpdateSessionChatRequest, UpdateSessionRequest, WatchSessionChatsRequest,
    WatchSessionChatsResponse,
};

#[tonic::async_trait]
impl SessionService for Api {
    async fn create_session(&self, request: Request<CreateSessionRequest>) -> RpcResult<Session> {
        let caller = caller(&request)?;
        let org = caller.org;
        let write = idempotent(&request, with_etag, move |row| session(org, row))?;
        let new = requests::new_session(request.into_inner())?;
        Ok(sessions::create(&self.store, org, new, write).await?)
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> RpcResult<Session> {
        let caller = caller(&request)?;
        let id = parse("session_id", &request.get_ref().session_id)?;
        let row = sessions::get(&self.store, &caller, id).await?;
        Ok(with_etag(session(caller.org, row)))
    }

    async fn list_sessions(&self, request: Request<ListSessionsRequest>) -> RpcResult<ListSessionsResponse> {
        let caller = caller(&request)?;
        let ListSessionsRequest { limit, cursor, with_connection } = request.into_inner();
        let page = sessions::page(&self.store, &self.signing_keys, &caller, limit, &cursor).await?;
        let listed = |(row, is_connected)| Session {
            has_connection: with_connection.then_some(is_connected),
            ..session(caller.org, row)
        };
        let data = page.items.into_iter().map(listed).collect();
        Ok(Response::new(ListSessionsResponse { data, next_cursor: page.next }))
    }

    async fn update_session(&self, request: Request<UpdateSessionRequest>) -> RpcResult<Session> {
        let caller = caller(&request)?;
        let org = caller.org;
        let (precondition, write) = update(&request, move |row| session(org, row))?;
        let id = parse("session_id", &request.get_ref().session_id)?;
        let change = requests::session_change(request.into_inner())?;
        Ok(sessions::update(&self.store, &caller, id, change, precondition, write).await?)
    }

    async fn delete_session(&self, request: Request<DeleteSessionRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let org = caller.org;
        let (precondition, write) = deletion(&request, move |row| session(org, row))?;
        let id = parse("session_id", &request.get_ref().session_id)?;
        Ok(sessions::delete(&self.store, &caller, id, precondition, write).await?)
    }

    async fn get_session_chat(&self, request: Request<GetSessionChatRequest>) -> RpcResult<SessionChat> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let view = session_chats::get(&self.store, &caller, session, address).await?;
        Ok(with_etag(session_chat(session, view)))
    }

    async fn update_session_chat(
        &self,
        request: Request<UpdateSessionChatRequest>,
    ) -> RpcResult<SessionChat> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let (precondition, write) = update(&request, move |view| session_chat(session, view))?;
        let change = requests::chat_change(request.into_inner())?;
        let store = &self.store;
        Ok(session_chats::update(store, &caller, session, address, change, precondition, write).await?)
    }

    async fn delete_session_chat(&self, request: Request<DeleteSessionChatRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let (precondition, write) = deletion(&request, move |view| session_chat(session, view))?;
        Ok(session_chats::delete(&self.store, &caller, session, address, precondition, write).await?)
    }

    async fn list_session_chats(
        &self,
        request: Request<ListSessionChatsRequest>,
    ) -> RpcResult<ListSessionChatsResponse> {
        let caller = caller(&request)?;
        let (session, list, page) = requests::chat_page(request.into_inner())?;
        let page =
            session_lists::chats(&self.store, &self.signing_keys, &caller, session, list, page).await?;
        let data = page.items.into_iter().map(|view| session_chat(session, view)).collect();
        Ok(Response::new(ListSessionChatsResponse { data, next_cursor: page.next }))
    }

    async fn count_session_chats(
        &self,
        request: Request<CountSessionChatsRequest>,
    ) -> RpcResult<CountChatsResponse> {
        let caller = caller(&request)?;
        let (session, filter, member) = requests::count_query(request.into_inner())?;
        let counts = session_lists::count(&self.store, &caller, session, filter, member).await?;
        Ok(Response::new(chat_filters::counts(counts)))
    }

    async fn list_session_chat_messages(
        &self,
        request: Request<ListSessionChatMessagesRequest>,
    ) -> RpcResult<ListSessionChatMessagesResponse> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let ListSessionChatMessagesRequest { limit, cursor, .. } = request.into_inner();
        let (store, keys, page) = (&self.store, &self.signing_keys, PageRequest { limit, cursor });
        let page = session_lists::messages(store, keys, &caller, session, address, page).await?;
        let messages = page.items.into_iter();
        let data = messages.map(|(stored, chat)| session_message(session, &chat, stored.message)).collect();
        Ok(Response::new(ListSessionChatMessagesResponse { data, next_cursor: page.next }))
    }

    type WatchSessionChatsStream = ResponseStream<WatchSessionChatsResponse>;

    async fn watch_session_chats(
        &self,
        request: Request<WatchSessionChatsRequest>,
    ) -> RpcResult<Self::WatchSessionChatsStream> {
        let (caller, credential_check) = (caller(&request)?, credential_check(&request)?);
        let (session, query) = requests::watch_query(request.into_inner())?;
        let watch = watch::watch(&self.publisher, caller, credential_check, query).await?;
        Ok(session_chat_change_stream(session, watch))
    }

    async fn send_session_message(
        &self,
        request: Request<SendSessionMessageRequest>,
    ) -> RpcResult<SessionMessage> {
        let caller = caller(&request)?;
        let write = idempotent(&request, Response::new, sends::queued_session_message)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let new = sends::new_session_message(request.into_inner())?;
        let recipient = Recipient::SessionChat(session, address);
        let new = self.keep_file(&caller, &recipient, new, write.key_use()).await?;
        Ok(send(&self.store, &self.send_rules, &caller, recipient, new, write).await?)
    }

    async fn list_session_sends(
        &self,
        request: Request<ListSessionSendsRequest>,
    ) -> RpcResult<ListSessionSendsResponse> {
        let caller = caller(&request)?;
        let ListSessionSendsRequest { session_id, state, limit, cursor } = request.into_inner();
        let (session, page) = (parse("session_id", &session_id)?, PageRequest { limit, cursor });
        let page = send_page(&self.store, &self.signing_keys, &caller, session, state, page).await?;
        let data = page.items.into_iter().map(sends::listed).collect();
        Ok(Response::new(ListSessionSendsResponse { data, next_cursor: page.next }))
    }

    async fn mark_session_chat_read(
        &self,
        request: Request<MarkSessionChatReadRequest>,
    ) -> RpcResult<SessionChat> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let (precondition, write) = update(&request, move |view| session_chat(session, view))?;
        let (store, state) = (&self.store, ReadState::Read);
        Ok(session_chats::mark(store, &caller, session, address, state, precondition, write).await?)
    }

    async fn mark_session_chat_unread(
        &self,
        request: Request<MarkSessionChatUnreadRequest>,
    ) -> RpcResult<SessionChat> {
        let caller = caller(&request)?;
        let (session, address) = requests::chat_of(&request.get_ref().session_id, &request.get_ref().jid)?;
        let (precondition, write) = update(&request, move |view| session_chat(session, view))?;
        let (store, state) = (&self.store, ReadState::Unread);
        Ok(session_chats::mark(store, &caller, session, address, state, precondition, write).await?)
    }
}
