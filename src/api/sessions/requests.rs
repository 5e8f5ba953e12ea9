//! Requests of the session API as the inputs of its actions.

use crate::actions::session_lists::{ChatFilter, ChatOrder, PageRequest};
use crate::actions::{session_chats, sessions, watch};
use crate::api::chat_filters;
use crate::api::mask::Mask;
use crate::api::parse::{parse, unix_millis};
use crate::error::Result;
use crate::ids::{ChatAddress, SessionId};
use crate::patch::Patch;
use crate::pb::{
    CountSessionChatsRequest, CreateSessionRequest, ListSessionChatsRequest, UpdateSessionChatRequest,
    UpdateSessionRequest, WatchSessionChatsRequest,
};
use crate::text_key::text_key;

/// The session and the chat that a request is about.
pub(super) fn chat_of(session_id: &str, jid: &str) -> Result<(SessionId, ChatAddress)> {
    Ok((parse("session_id", session_id)?, parse("jid", jid)?))
}

pub(super) fn new_session(request: CreateSessionRequest) -> Result<sessions::NewSession> {
    let phone = parse("phone_number", &request.phone_number)?;
    Ok(sessions::NewSession { id: None, phone, label: request.label })
}

pub(super) fn session_change(request: UpdateSessionRequest) -> Result<sessions::Change> {
    let mask = Mask::new(request.update_mask, ["label"])?;
    Ok(sessions::Change { label: mask.patch("label", request.session.unwrap_or_default().label) })
}

pub(super) fn chat_change(request: UpdateSessionChatRequest) -> Result<session_chats::Change> {
    let mask = Mask::new(request.update_mask, ["archived", "pinned", "muted_until"])?;
    let chat = request.chat.unwrap_or_default();
    let muted_until = mask.patch("muted_until", chat.muted_until);
    Ok(session_chats::Change {
        archived: flag(mask.patch("archived", chat.archived)),
        pinned: flag(mask.patch("pinned", chat.pinned)),
        muted_until: muted_until.try_map(|millis| unix_millis("muted_until", millis))?,
        unmute: request.unmute.unwrap_or_default(),
    })
}

/// A flag that is cleared becomes false.
fn flag(patch: Patch<bool>) -> Option<bool> {
    patch.into_changeset().map(Option::unwrap_or_default)
}

pub(super) fn chat_page(
    request: ListSessionChatsRequest,
) -> Result<(SessionId, (ChatFilter, ChatOrder), PageRequest)> {
    let session = parse("session_id", &request.session_id)?;
    let filter = ChatFilter {
        group: request.r#type.map(|kind| kind == "group"),
        labels: chat_filters::labels(&request.labels),
        unread: request.unread,
        assigned: chat_filters::assignee(request.assigned_to.as_deref())?,
        closed: request.closed,
        archived: request.archived,
        pinned: request.pinned,
        muted: request.muted,
        name: Some(request.q).filter(|part| !part.is_empty()),
        ..ChatFilter::default()
    };
    let order = chat_filters::order(request.sort.as_deref());
    Ok((session, (filter, order), PageRequest { limit: request.limit, cursor: request.cursor }))
}

/// What is counted of a session, and the key of the member whose chats are counted as `mine`.
pub(super) fn count_query(
    request: CountSessionChatsRequest,
) -> Result<(SessionId, ChatFilter, Option<String>)> {
    let session = parse("session_id", &request.session_id)?;
    let filter = ChatFilter {
        group: request.r#type.map(|kind| kind == "group"),
        labels: chat_filters::labels(&request.labels),
        assigned: chat_filters::assignee(request.assigned_to.as_deref())?,
        name: Some(request.q).filter(|part| !part.is_empty()),
        ..ChatFilter::default()
    };
    Ok((session, filter, request.member.as_deref().map(text_key)))
}

pub(super) fn watch_query(request: WatchSessionChatsRequest) -> Result<(SessionId, watch::WatchRequest)> {
    let session = parse("session_id", &request.session_id)?;
    let WatchSessionChatsRequest { resume_token, actions, .. } = request;
    let query = watch::WatchRequest {
        session: Some(session),
        resume_token,
        actions,
        ..watch::WatchRequest::default()
    };
    Ok((session, query))
}
