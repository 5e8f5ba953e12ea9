//! `switchboard.v1.MessageService`, and sends in the session API.

mod requests;

use tonic::{Request, Response};
use uuid::Uuid;

pub(super) use self::requests::session_message as new_session_message;
use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::messages::{chat_message, session_message};
use super::parse::{chat_address, x_phone};
use super::state::{Api, RpcResult};
use super::write::deletion;
use crate::actions::sends::{
    self, Act, FileSource, FoundMessage, MessageName, NewContent, Queued, Recipient, SendContent, SendRow,
    SendView,
};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId};
use crate::pb::message_service_server::MessageService;
use crate::pb::{
    CancelSendRequest, ChatMessage, DeleteMessageRequest, EditMessageRequest, GetSentMessageRequest,
    ReactToMessageRequest, Send, SendMessageRequest, SendMessageResponse, SessionMessage, SessionSend,
};
use crate::store::idempotency::KeyUse;
use crate::store::message_lists::ListedMessage;

#[tonic::async_trait]
impl MessageService for Api {
    async fn send_message(&self, request: Request<SendMessageRequest>) -> RpcResult<SendMessageResponse> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let write = idempotent(&request, Response::new, queued)?;
        let recipient = Recipient::Chat(chat_address("chat_id", &request.get_ref().chat_id)?, number);
        let new = requests::message(request.into_inner())?;
        let new = self.keep_file(&caller, &recipient, new, write.key_use()).await?;
        Ok(sends::send(&self.store, &self.send_rules, &caller, recipient, new, write).await?)
    }

    async fn react_to_message(
        &self,
        request: Request<ReactToMessageRequest>,
    ) -> RpcResult<SendMessageResponse> {
        let ReactToMessageRequest { message_id, reaction } = request.get_ref().clone();
        self.act(&request, &message_id, Act::React(reaction)).await
    }

    async fn edit_message(&self, request: Request<EditMessageRequest>) -> RpcResult<SendMessageResponse> {
        let EditMessageRequest { message_id, edited_body } = request.get_ref().clone();
        self.act(&request, &message_id, Act::Edit(edited_body)).await
    }

    async fn delete_message(&self, request: Request<DeleteMessageRequest>) -> RpcResult<SendMessageResponse> {
        let DeleteMessageRequest { message_id } = request.get_ref().clone();
        self.act(&request, &message_id, Act::Delete).await
    }

    async fn get_sent_message(&self, request: Request<GetSentMessageRequest>) -> RpcResult<ChatMessage> {
        let (caller, number) = (caller(&request)?, x_phone(request.metadata())?);
        let name = MessageName::parse(&caller, &request.get_ref().message_id, number);
        let found = sends::get(&self.store, &caller, name).await?;
        Ok(with_etag(found_message(caller.org, found)))
    }

    async fn cancel_send(&self, request: Request<CancelSendRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        // A queue id names one send, whichever number is selected.
        x_phone(request.metadata())?;
        let (precondition, write) = deletion(&request, listed)?;
        let send = queue_id(&request.get_ref().queue_id)?;
        Ok(sends::cancel(&self.store, &caller, send, precondition, write).await?)
    }
}

impl Api {
    /// Puts the file of a new message into the media store, if the request contains it and is not rejected.
    pub(super) async fn keep_file(
        &self,
        caller: &Caller,
        recipient: &Recipient,
        new: NewContent,
        key_use: Option<KeyUse>,
    ) -> Result<NewContent> {
        let SendContent::Media { mime_type, file: FileSource::Bytes(bytes), .. } = &new.content else {
            return Ok(new);
        };
        if !sends::is_new(&self.store, &self.send_rules, caller, (recipient, &new), key_use).await? {
            return Ok(new);
        }
        let stored = self.media.put_sent(caller.org, mime_type, bytes.clone()).await?;
        Ok(NewContent { content: new.content.with_file(FileSource::Stored(stored)), ..new })
    }

    async fn act<Q>(&self, request: &Request<Q>, message_id: &str, act: Act) -> RpcResult<SendMessageResponse>
    where
        Q: prost::Message + prost::Name,
    {
        let (caller, number) = (caller(request)?, x_phone(request.metadata())?);
        let write = idempotent(request, Response::new, queued)?;
        let name = MessageName::parse(&caller, message_id, number);
        Ok(sends::act(&self.store, &self.send_rules, &caller, name, act, write).await?)
    }
}

/// The id of a send.
pub(super) fn queue_id(text: &str) -> Result<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
    id.ok_or_else(|| Error::invalid("queue_id", "must be a UUID"))
}

fn queued(Queued { view, position }: Queued) -> SendMessageResponse {
    let id = view.send.send_id;
    SendMessageResponse {
        queue_id: id.to_string(),
        queue_position: position.to_string(),
        unique_id: view.send.message_id.unwrap_or_default(),
        chat_id: view.chat_id.unwrap_or(view.send.address).to_string(),
        org_phone: ChatAddress::of_phone(&view.phone).to_string(),
        hint: format!("GET /v1/message/{id}"),
    }
}

/// The message of a send of the session API, with the send.
pub(super) fn queued_session_message(Queued { view, .. }: Queued) -> SessionMessage {
    let (session, chat) = (view.send.session_id, view.send.address.clone());
    let ack = view.message.as_ref().and_then(|message| message.ack);
    let send = Some(session_send(view.send, ack));
    let message = view.message.map(|message| session_message(session, &chat, message));
    SessionMessage { send, ..message.unwrap_or_default() }
}

fn found_message(org: OrgId, found: FoundMessage) -> ChatMessage {
    let FoundMessage { phone, chat, message, send: row, .. } = found;
    let send = row.map(|row| send(row, message.ack));
    let listed = ListedMessage { chat_id: chat.to_string(), phone: phone.to_string(), message };
    ChatMessage { send, ..chat_message(org, listed) }
}

/// A send of a list.
pub(super) fn listed(view: SendView) -> SessionSend {
    let ack = view.message.and_then(|message| message.ack);
    session_send(view.send, ack)
}

/// The state of a send whose message has that ack.
fn state_of(row: &SendRow, ack: Option<i16>) -> String {
    let is_message = !matches!(row.kind.as_str(), "reaction" | "edit" | "delete");
    let state = match (row.state.as_str(), ack.filter(|_| is_message)) {
        ("accepted", Some(4..)) => "read",
        ("accepted", Some(3)) => "delivered",
        ("accepted", Some(..0)) => "failed",
        ("unknown", Some(1..)) => "accepted",
        (state, _) => state,
    };
    state.to_owned()
}

fn send(row: SendRow, ack: Option<i16>) -> Send {
    Send {
        state: state_of(&row, ack),
        queue_id: row.send_id.to_string(),
        reason: row.reason,
        r#type: row.kind,
        message_id: row.message_id,
        attempts: row.attempts.into(),
        created_by: row.created_by,
        created_at: Some(row.created_at.into()),
        updated_at: Some(row.updated_at.into()),
    }
}

fn session_send(row: SendRow, ack: Option<i16>) -> SessionSend {
    SessionSend {
        state: state_of(&row, ack),
        queue_id: row.send_id.to_string(),
        reason: row.reason,
        r#type: row.kind,
        chat_jid: row.address.to_jid(),
        message_id: row.message_id,
        attempts: row.attempts.into(),
        created_by: row.created_by,
        created_at: row.created_at.millis(),
        updated_at: row.updated_at.millis(),
    }
}
