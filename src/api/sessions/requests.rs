//! Requests of the session API as the inputs of its actions.

use crate::actions::session_lists::{ChatFilter, PageRequest};
use crate::actions::{session_chats, sessions, watch};
use crate::api::mask::Mask;
use crate::api::parse::{parse, unix_millis};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, SessionId};
use crate::patch::Patch;
use crate::pb::{
    CreateSessionRequest, ListSessionChatsRequest, UpdateSessionChatRequest, UpdateSessionRequest,
    WatchSessionChatsRequest,
};

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

pub(super) fn chat_page(request: ListSessionChatsRequest) -> Result<(SessionId, ChatFilter, PageRequest)> {
    let group = match request.r#type.as_deref() {
        None => None,
        Some("dm") => Some(false),
        Some("group") => Some(true),
        Some(_) => return Err(Error::invalid("type", "must be dm or group")),
    };
    let session = parse("session_id", &request.session_id)?;
    let name = Some(request.q).filter(|part| !part.is_empty());
    let ListSessionChatsRequest { archived, pinned, muted, unread, limit, cursor, .. } = request;
    let filter = ChatFilter { archived, pinned, muted, unread, group, name };
    Ok((session, filter, PageRequest { limit, cursor }))
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

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::instant::Instant;
    use crate::pb::{Session, SessionChat};

    fn field_mask(paths: Option<&[&str]>) -> Option<FieldMask> {
        paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
    }

    fn label_patch(label: Option<&str>, paths: Option<&[&str]>) -> Result<Patch<String>> {
        let session = Session { label: label.map(str::to_owned), ..Session::default() };
        let update_mask = field_mask(paths);
        let request = UpdateSessionRequest { session: Some(session), update_mask, ..Default::default() };
        session_change(request).map(|change| change.label)
    }

    fn changed(chat: SessionChat, paths: Option<&[&str]>) -> Result<session_chats::Change> {
        let update_mask = field_mask(paths);
        chat_change(UpdateSessionChatRequest { chat: Some(chat), update_mask, ..Default::default() })
    }

    fn muted(millis: i64) -> SessionChat {
        SessionChat { muted_until: Some(millis), ..SessionChat::default() }
    }

    #[test]
    fn session_label_is_kept_cleared_or_set() {
        assert_eq!(label_patch(None, None).unwrap(), Patch::Keep);
        assert_eq!(label_patch(Some("a"), Some(&[])).unwrap(), Patch::Keep);
        assert_eq!(label_patch(None, Some(&["label"])).unwrap(), Patch::Clear);
        assert_eq!(label_patch(Some("a"), None).unwrap(), Patch::Set("a".to_owned()));
        assert_eq!(label_patch(Some("a"), Some(&["label"])).unwrap(), Patch::Set("a".to_owned()));
        for path in ["phone_number", "Label", "*"] {
            let error = label_patch(Some("a"), Some(&[path])).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }

    #[test]
    fn without_mask_chat_fields_with_values_change() {
        let change = changed(SessionChat { pinned: Some(false), ..muted(1) }, None).unwrap();
        assert_eq!((change.archived, change.pinned), (None, Some(false)));
        assert_eq!(change.muted_until, Patch::Set(Instant::from_micros(1000)));
    }

    #[test]
    fn with_mask_only_named_chat_fields_change() {
        let change = changed(muted(-1), Some(&["archived"])).unwrap();
        assert_eq!((change.archived, change.muted_until), (Some(false), Patch::Keep));
        let change = changed(SessionChat::default(), Some(&["muted_until"])).unwrap();
        assert_eq!(change.muted_until, Patch::Clear);
    }

    #[test]
    fn mask_with_read_only_chat_field_is_invalid() {
        for path in ["name", "mutedUntil", "unmute", "*"] {
            let error = changed(muted(1), Some(&[path])).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }

    #[test]
    fn muted_until_is_between_1970_and_9999() {
        for millis in [0, Instant::MAX_MILLIS] {
            assert!(changed(muted(millis), None).is_ok(), "{millis}");
        }
        for millis in [-1, Instant::MAX_MILLIS + 1, i64::MIN, i64::MAX] {
            let error = changed(muted(millis), None).unwrap_err();
            assert_eq!(error.fields()[0].field, "muted_until", "{millis}");
        }
    }
}
