//! Stub services that record requests and return prepared replies.

mod sessions;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Extensions, HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use switchboard::error::{Error, Kind};
use switchboard::pb::chat_service_server::ChatService;
use switchboard::pb::routes::{chat_service_routes, session_service_routes};
use switchboard::pb::{
    Chat, CloseChatRequest, CountChatsRequest, CountChatsResponse, GetChatRequest, GetSessionChatRequest,
    ListChatAuditLogsRequest, ListChatAuditLogsResponse, ListChatMessagesRequest, ListChatMessagesResponse,
    ListChatsRequest, ListChatsResponse, ListMessagesRequest, ListMessagesResponse, ListReactionsRequest,
    ListReactionsResponse, MarkChatReadRequest, ReopenChatRequest, SearchMessagesRequest,
    SearchMessagesResponse, SessionChat, UpdateChatAccessRequest, UpdateChatLabelsRequest, UpdateChatRequest,
    UpdateSessionChatRequest, WatchChatsRequest, WatchChatsResponse,
};
use switchboard::rest;
use tonic::codegen::tokio_stream;
use tonic::metadata::MetadataMap;
use tonic::{Request as Call, Response as Reply, Status};
use tower::ServiceExt;
use transcode::Transcoder;

type Guard = fn(&Extensions, &str) -> Result<(), Error>;

/// A stream of replies.
type Items<T> = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

/// The last requests that the services received.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub get_chat: Option<GetChatRequest>,
    pub update_chat: Option<UpdateChatRequest>,
    pub search_messages: Option<SearchMessagesRequest>,
    pub get_session_chat: Option<GetSessionChatRequest>,
    pub update_session_chat: Option<UpdateSessionChatRequest>,
    pub metadata: MetadataMap,
    pub extension: Option<&'static str>,
}

#[derive(Default)]
pub struct Stub {
    pub seen: Mutex<Seen>,
    pub chat: Mutex<Chat>,
    pub session_chat: Mutex<SessionChat>,
    pub fail: Mutex<Option<Kind>>,
    pub etag: Mutex<Option<&'static str>>,
}

impl Stub {
    fn answer<T, M>(
        &self,
        call: Call<M>,
        message: T,
        note: impl FnOnce(&mut Seen, M),
    ) -> Result<Reply<T>, Status> {
        let mut seen = self.seen.lock().unwrap();
        seen.metadata = call.metadata().clone();
        seen.extension = call.extensions().get::<&'static str>().copied();
        note(&mut seen, call.into_inner());
        if let Some(kind) = *self.fail.lock().unwrap() {
            let error = if kind == Kind::Invalid {
                Error::invalid("labels", "must have at most 100 names")
            } else if kind == Kind::Forbidden {
                Error::forbidden("send")
            } else {
                Error::new(kind, "prepared")
            };
            return Err(error.into());
        }
        let mut reply = Reply::new(message);
        if let Some(etag) = *self.etag.lock().unwrap() {
            reply.metadata_mut().insert("etag", etag.parse().unwrap());
        }
        Ok(reply)
    }
}

#[tonic::async_trait]
impl ChatService for Stub {
    async fn get_chat(&self, call: Call<GetChatRequest>) -> Result<Reply<Chat>, Status> {
        let chat = self.chat.lock().unwrap().clone();
        self.answer(call, chat, |seen, request| seen.get_chat = Some(request))
    }

    async fn update_chat(&self, call: Call<UpdateChatRequest>) -> Result<Reply<Chat>, Status> {
        let chat = self.chat.lock().unwrap().clone();
        self.answer(call, chat, |seen, request| seen.update_chat = Some(request))
    }

    async fn list_chats(&self, call: Call<ListChatsRequest>) -> Result<Reply<ListChatsResponse>, Status> {
        self.answer(call, ListChatsResponse::default(), |_, _| ())
    }

    async fn count_chats(&self, call: Call<CountChatsRequest>) -> Result<Reply<CountChatsResponse>, Status> {
        self.answer(call, CountChatsResponse::default(), |_, _| ())
    }

    async fn list_chat_messages(
        &self,
        call: Call<ListChatMessagesRequest>,
    ) -> Result<Reply<ListChatMessagesResponse>, Status> {
        self.answer(call, ListChatMessagesResponse::default(), |_, _| ())
    }

    async fn list_reactions(
        &self,
        call: Call<ListReactionsRequest>,
    ) -> Result<Reply<ListReactionsResponse>, Status> {
        self.answer(call, ListReactionsResponse::default(), |_, _| ())
    }

    async fn list_messages(
        &self,
        call: Call<ListMessagesRequest>,
    ) -> Result<Reply<ListMessagesResponse>, Status> {
        self.answer(call, ListMessagesResponse::default(), |_, _| ())
    }

    async fn mark_chat_read(&self, call: Call<MarkChatReadRequest>) -> Result<Reply<Chat>, Status> {
        self.answer(call, Chat::default(), |_, _| ())
    }

    async fn close_chat(&self, call: Call<CloseChatRequest>) -> Result<Reply<Chat>, Status> {
        self.answer(call, Chat::default(), |_, _| ())
    }

    async fn reopen_chat(&self, call: Call<ReopenChatRequest>) -> Result<Reply<Chat>, Status> {
        self.answer(call, Chat::default(), |_, _| ())
    }

    async fn update_chat_labels(&self, call: Call<UpdateChatLabelsRequest>) -> Result<Reply<()>, Status> {
        self.answer(call, (), |_, _| ())
    }

    async fn update_chat_access(&self, call: Call<UpdateChatAccessRequest>) -> Result<Reply<()>, Status> {
        self.answer(call, (), |_, _| ())
    }

    async fn search_messages(
        &self,
        call: Call<SearchMessagesRequest>,
    ) -> Result<Reply<SearchMessagesResponse>, Status> {
        let nothing = SearchMessagesResponse::default();
        self.answer(call, nothing, |seen, request| seen.search_messages = Some(request))
    }

    async fn list_chat_audit_logs(
        &self,
        call: Call<ListChatAuditLogsRequest>,
    ) -> Result<Reply<ListChatAuditLogsResponse>, Status> {
        self.answer(call, ListChatAuditLogsResponse::default(), |_, _| ())
    }

    type WatchChatsStream = Items<WatchChatsResponse>;

    async fn watch_chats(&self, _: Call<WatchChatsRequest>) -> Result<Reply<Self::WatchChatsStream>, Status> {
        Ok(Reply::new(Box::pin(tokio_stream::empty())))
    }
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The REST protocol with both services behind it.
pub struct Protocol {
    pub stub: Arc<Stub>,
    pub transcoder: Transcoder,
}

impl Protocol {
    pub fn new() -> Self {
        Self::guarded(|_, _| Ok(()))
    }

    pub fn guarded(guard: Guard) -> Self {
        let stub = Arc::new(Stub::default());
        let mut routes = chat_service_routes(Arc::clone(&stub));
        routes.extend(session_service_routes(Arc::clone(&stub)));
        let guard = move |extensions: &Extensions, rpc: &str| guard(extensions, rpc).map_err(Status::from);
        Self { stub, transcoder: Transcoder::new(routes, guard, rest::options(4096)).unwrap() }
    }

    pub fn seen(&self) -> Seen {
        self.stub.seen.lock().unwrap().clone()
    }

    pub fn call(&self, request: Request<Body>) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let response = self.transcoder.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }

    pub fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(Body::from(body.to_owned())).unwrap())
    }

    pub fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, &[], "")
    }

    pub fn patch(&self, uri: &str, body: &str) -> Answer {
        self.send("PATCH", uri, &[("content-type", "application/json")], body)
    }
}
