//! The session API of the stub.

use switchboard::pb::session_service_server::SessionService;
use switchboard::pb::{
    CountChatsResponse, CountSessionChatsRequest, CreateSessionRequest, DeleteSessionChatRequest,
    DeleteSessionRequest, GetSessionChatRequest, GetSessionRequest, ListSessionChatMessagesRequest,
    ListSessionChatMessagesResponse, ListSessionChatsRequest, ListSessionChatsResponse,
    ListSessionSendsRequest, ListSessionSendsResponse, ListSessionsRequest, ListSessionsResponse,
    MarkSessionChatReadRequest, MarkSessionChatUnreadRequest, SendSessionMessageRequest, Session,
    SessionChat, SessionMessage, UpdateSessionChatRequest, UpdateSessionRequest, WatchSessionChatsRequest,
    WatchSessionChatsResponse,
};
use tonic::codegen::tokio_stream;
use tonic::{Request as Call, Response as Reply, Status};

use super::{Items, Stub};

#[tonic::async_trait]
impl SessionService for Stub {
    async fn get_session_chat(
        &self,
        call: Call<GetSessionChatRequest>,
    ) -> Result<Reply<SessionChat>, Status> {
        let chat = self.session_chat.lock().unwrap().clone();
        self.answer(call, chat, |seen, request| seen.get_session_chat = Some(request))
    }

    async fn update_session_chat(
        &self,
        call: Call<UpdateSessionChatRequest>,
    ) -> Result<Reply<SessionChat>, Status> {
        let chat = self.session_chat.lock().unwrap().clone();
        self.answer(call, chat, |seen, request| seen.update_session_chat = Some(request))
    }

    async fn delete_session_chat(&self, call: Call<DeleteSessionChatRequest>) -> Result<Reply<()>, Status> {
        self.answer(call, (), |_, _| ())
    }

    async fn create_session(&self, call: Call<CreateSessionRequest>) -> Result<Reply<Session>, Status> {
        self.answer(call, Session::default(), |_, _| ())
    }

    async fn get_session(&self, call: Call<GetSessionRequest>) -> Result<Reply<Session>, Status> {
        self.answer(call, Session::default(), |_, _| ())
    }

    async fn list_sessions(
        &self,
        call: Call<ListSessionsRequest>,
    ) -> Result<Reply<ListSessionsResponse>, Status> {
        self.answer(call, ListSessionsResponse::default(), |_, _| ())
    }

    async fn update_session(&self, call: Call<UpdateSessionRequest>) -> Result<Reply<Session>, Status> {
        self.answer(call, Session::default(), |_, _| ())
    }

    async fn delete_session(&self, call: Call<DeleteSessionRequest>) -> Result<Reply<()>, Status> {
        self.answer(call, (), |_, _| ())
    }

    type WatchSessionChatsStream = Items<WatchSessionChatsResponse>;

    async fn watch_session_chats(
        &self,
        _: Call<WatchSessionChatsRequest>,
    ) -> Result<Reply<Self::WatchSessionChatsStream>, Status> {
        Ok(Reply::new(Box::pin(tokio_stream::empty())))
    }

    async fn mark_session_chat_read(
        &self,
        call: Call<MarkSessionChatReadRequest>,
    ) -> Result<Reply<SessionChat>, Status> {
        self.answer(call, SessionChat::default(), |_, _| ())
    }

    async fn mark_session_chat_unread(
        &self,
        call: Call<MarkSessionChatUnreadRequest>,
    ) -> Result<Reply<SessionChat>, Status> {
        self.answer(call, SessionChat::default(), |_, _| ())
    }

    async fn send_session_message(
        &self,
        call: Call<SendSessionMessageRequest>,
    ) -> Result<Reply<SessionMessage>, Status> {
        self.answer(call, SessionMessage::default(), |_, _| ())
    }

    async fn list_session_sends(
        &self,
        call: Call<ListSessionSendsRequest>,
    ) -> Result<Reply<ListSessionSendsResponse>, Status> {
        self.answer(call, ListSessionSendsResponse::default(), |_, _| ())
    }

    async fn list_session_chats(
        &self,
        call: Call<ListSessionChatsRequest>,
    ) -> Result<Reply<ListSessionChatsResponse>, Status> {
        self.answer(call, ListSessionChatsResponse::default(), |_, _| ())
    }

    async fn count_session_chats(
        &self,
        call: Call<CountSessionChatsRequest>,
    ) -> Result<Reply<CountChatsResponse>, Status> {
        self.answer(call, CountChatsResponse::default(), |_, _| ())
    }

    async fn list_session_chat_messages(
        &self,
        call: Call<ListSessionChatMessagesRequest>,
    ) -> Result<Reply<ListSessionChatMessagesResponse>, Status> {
        self.answer(call, ListSessionChatMessagesResponse::default(), |_, _| ())
    }
}
