//! The session API: an organization's numbers, and the chats that each of them sees.

use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::changes::session_chat_changes;
use super::etag::{condition, versioned};
use super::guard::{caller, credential_check};
use super::idempotency::once;
use super::session_chats::{chat_change, chat_filter, names, session_chat};
use super::session_messages::session_message;
use super::streams::Answers;
use crate::actions::read_state::ReadState;
use crate::actions::session_lists::{self, PageRequest};
use crate::actions::sessions::{self, Change, NewSession, SessionRow};
use crate::actions::watch::{self, Publisher};
use crate::actions::{Precondition, session_chats};
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, Phone, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::pb::session_service_server::SessionService;
use crate::pb::{
    CreateSessionRequest, DeleteSessionChatRequest, DeleteSessionRequest, GetSessionChatRequest,
    GetSessionRequest, ListSessionChatMessagesRequest, ListSessionChatMessagesResponse,
    ListSessionChatsRequest, ListSessionChatsResponse, ListSessionsRequest, ListSessionsResponse,
    MarkSessionChatReadRequest, MarkSessionChatUnreadRequest, Session, SessionChat, UpdateSessionChatRequest,
    UpdateSessionRequest, WatchSessionChatsRequest, WatchSessionChatsResponse,
};
use crate::store::Store;

/// `switchboard.v1.SessionService`.
#[derive(Clone)]
pub struct SessionApi {
    store: Store,
    cursors: SigningKeys,
    watches: Publisher,
}

impl SessionApi {
    /// The service on that store, with what it signs cursors with, and what there is to watch.
    pub fn new(store: Store, cursors: SigningKeys, watches: Publisher) -> Self {
        Self { store, cursors, watches }
    }
}

#[tonic::async_trait]
impl SessionService for SessionApi {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Result<Response<Session>, Status> {
        let caller = caller(&request)?;
        sessions::check_may_attach(&caller)?;
        let org = caller.org;
        let once = once(&request, versioned, move |row| session(org, row))?;
        let CreateSessionRequest { phone_number, label } = request.into_inner();
        let phone = phone_number.parse::<Phone>();
        let phone = phone.map_err(|expected| Error::invalid("phone_number", expected))?;
        let new = NewSession { id: None, phone, label };
        Ok(sessions::create(&self.store, org, new, once).await?)
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Result<Response<Session>, Status> {
        let caller = caller(&request)?;
        let id = session_id(&request.get_ref().session_id)?;
        let row = sessions::get(&self.store, &caller, id).await?;
        Ok(versioned(session(caller.org, row)))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let caller = caller(&request)?;
        let ListSessionsRequest { limit, cursor } = request.into_inner();
        let page = sessions::page(&self.store, &self.cursors, &caller, limit, &cursor).await?;
        let data = page.items.into_iter().map(|row| session(caller.org, row)).collect();
        Ok(Response::new(ListSessionsResponse { data, next_cursor: page.next }))
    }

    async fn update_session(
        &self,
        request: Request<UpdateSessionRequest>,
    ) -> Result<Response<Session>, Status> {
        let caller = caller(&request)?;
        let (org, id) = (caller.org, session_id(&request.get_ref().session_id)?);
        let once = once(&request, versioned, move |row| session(org, row))?;
        let precondition = unchanged_session(org, request.metadata());
        let change = change(request.into_inner())?;
        Ok(sessions::update(&self.store, &caller, id, change, precondition, once).await?)
    }

    async fn delete_session(&self, request: Request<DeleteSessionRequest>) -> Result<Response<()>, Status> {
        let caller = caller(&request)?;
        let id = session_id(&request.get_ref().session_id)?;
        let once = once(&request, Response::new, |()| ())?;
        let precondition = unchanged_session(caller.org, request.metadata());
        Ok(sessions::delete(&self.store, &caller, id, precondition, once).await?)
    }

    async fn get_session_chat(
        &self,
        request: Request<GetSessionChatRequest>,
    ) -> Result<Response<SessionChat>, Status> {
        let caller = caller(&request)?;
        let (session, address) = names(&request.get_ref().session_id, &request.get_ref().jid)?;
        let view = session_chats::get(&self.store, &caller, session, address).await?;
        Ok(versioned(session_chat(session, view)))
    }

    async fn update_session_chat(
        &self,
        request: Request<UpdateSessionChatRequest>,
    ) -> Result<Response<SessionChat>, Status> {
        let caller = caller(&request)?;
        let (session, address) = names(&request.get_ref().session_id, &request.get_ref().jid)?;
        let object = move |view| session_chat(session, view);
        let precondition = condition(request.metadata(), object);
        let once = once(&request, versioned, object)?;
        let change = chat_change(request.into_inner())?;
        let update =
            session_chats::update(&self.store, &caller, session, address, change, precondition, once);
        Ok(update.await?)
    }

    async fn delete_session_chat(
        &self,
        request: Request<DeleteSessionChatRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = caller(&request)?;
        let (session, address) = names(&request.get_ref().session_id, &request.get_ref().jid)?;
        let precondition = condition(request.metadata(), move |view| session_chat(session, view));
        let once = once(&request, Response::new, |()| ())?;
        Ok(session_chats::delete(&self.store, &caller, session, address, precondition, once).await?)
    }

    async fn list_session_chats(
        &self,
        request: Request<ListSessionChatsRequest>,
    ) -> Result<Response<ListSessionChatsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (session, filter) = (session_id(&request.session_id)?, chat_filter(&request)?);
        let page = PageRequest { limit: request.limit, cursor: request.cursor };
        let page = session_lists::chats(&self.store, &self.cursors, &caller, session, filter, page).await?;
        let data = page.items.into_iter().map(|view| session_chat(session, view)).collect();
        Ok(Response::new(ListSessionChatsResponse { data, next_cursor: page.next }))
    }

    async fn list_session_chat_messages(
        &self,
        request: Request<ListSessionChatMessagesRequest>,
    ) -> Result<Response<ListSessionChatMessagesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (session, address) = names(&request.session_id, &request.jid)?;
        let page = PageRequest { limit: request.limit, cursor: request.cursor };
        let page =
            session_lists::messages(&self.store, &self.cursors, &caller, session, address, page).await?;
        let objects = page.items.into_iter();
        let data = objects.map(|(message, chat)| session_message(session, &chat, message)).collect();
        Ok(Response::new(ListSessionChatMessagesResponse { data, next_cursor: page.next }))
    }

    type WatchSessionChatsStream = Answers<WatchSessionChatsResponse>;

    async fn watch_session_chats(
        &self,
        request: Request<WatchSessionChatsRequest>,
    ) -> Result<Response<Self::WatchSessionChatsStream>, Status> {
        let caller = caller(&request)?;
        let credential_check = credential_check(&request)?;
        let WatchSessionChatsRequest { session_id: session, resume_token, actions } = request.into_inner();
        let session = session_id(&session)?;
        let asked = watch::WatchRequest {
            session: Some(session),
            resume_token,
            actions,
            ..watch::WatchRequest::default()
        };
        let watch = watch::watch(&self.watches, caller, credential_check, asked).await?;
        Ok(session_chat_changes(session, watch))
    }

    async fn mark_session_chat_read(
        &self,
        request: Request<MarkSessionChatReadRequest>,
    ) -> Result<Response<SessionChat>, Status> {
        let caller = caller(&request)?;
        let (session, address) = names(&request.get_ref().session_id, &request.get_ref().jid)?;
        let object = move |view| session_chat(session, view);
        let precondition = condition(request.metadata(), object);
        let once = once(&request, versioned, object)?;
        let to = ReadState::Read;
        Ok(session_chats::mark(&self.store, &caller, session, address, to, precondition, once).await?)
    }

    async fn mark_session_chat_unread(
        &self,
        request: Request<MarkSessionChatUnreadRequest>,
    ) -> Result<Response<SessionChat>, Status> {
        let caller = caller(&request)?;
        let (session, address) = names(&request.get_ref().session_id, &request.get_ref().jid)?;
        let object = move |view| session_chat(session, view);
        let precondition = condition(request.metadata(), object);
        let once = once(&request, versioned, object)?;
        let to = ReadState::Unread;
        Ok(session_chats::mark(&self.store, &caller, session, address, to, precondition, once).await?)
    }
}

fn unchanged_session(org: OrgId, metadata: &MetadataMap) -> Precondition<SessionRow> {
    condition(metadata, move |row| session(org, row))
}

fn session_id(text: &str) -> Result<SessionId> {
    text.parse().map_err(|expected| Error::invalid("session_id", expected))
}

/// What the mask names changes; without a mask, what is set.
fn change(request: UpdateSessionRequest) -> Result<Change> {
    let label = request.session.unwrap_or_default().label;
    let Some(mask) = request.update_mask else {
        return Ok(Change { label: label.map_or(Patch::Keep, Patch::Set) });
    };
    let mut change = Change::default();
    for path in mask.paths {
        match path.as_str() {
            "label" => change.label = label.clone().map_or(Patch::Clear, Patch::Set),
            _ => return Err(Error::invalid("update_mask", "may name label")),
        }
    }
    Ok(change)
}

/// The session as the API answers it.
fn session(org: OrgId, row: SessionRow) -> Session {
    Session {
        id: row.session_id.to_string(),
        phone_number: row.phone.to_string(),
        phone_id: row.phone_id.to_string(),
        wa_jid: ChatAddress::of_phone(&row.phone).to_jid(),
        wa_lid: row.lid,
        label: row.label,
        status: row.status,
        organization_id: org.to_string(),
        created_at: row.created_at.millis(),
        updated_at: row.updated_at.millis(),
        last_connected_at: row.last_connected_at.map(Instant::millis),
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;

    fn changed(label: Option<&str>, paths: Option<&[&str]>) -> Result<Patch<String>> {
        let session = Session { label: label.map(str::to_owned), ..Session::default() };
        let update_mask =
            paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        let request = UpdateSessionRequest { session: Some(session), update_mask, ..Default::default() };
        change(request).map(|change| change.label)
    }

    #[test]
    fn a_label_is_kept_cleared_or_set() {
        assert_eq!(changed(None, None).unwrap(), Patch::Keep);
        assert_eq!(changed(Some("a"), Some(&[])).unwrap(), Patch::Keep);
        assert_eq!(changed(None, Some(&["label"])).unwrap(), Patch::Clear);
        assert_eq!(changed(Some("a"), None).unwrap(), Patch::Set("a".to_owned()));
        assert_eq!(changed(Some("a"), Some(&["label"])).unwrap(), Patch::Set("a".to_owned()));
        for path in ["phone_number", "Label", "*"] {
            let error = changed(Some("a"), Some(&[path])).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }
}
