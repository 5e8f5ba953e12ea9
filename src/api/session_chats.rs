//! A session's chat: what names it, what changes of it, and how it is answered.

use crate::actions::session_chats::Change;
use crate::actions::session_lists::ChatFilter;
use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::pb::{ListSessionChatsRequest, SessionChat, UpdateSessionChatRequest};
use crate::store::session_chats::SessionChatView;

const DM: &str = "dm";
const GROUP: &str = "group";

/// The session and the chat that a request names.
pub(super) fn names(session_id: &str, jid: &str) -> Result<(SessionId, ChatAddress)> {
    let session = session_id.parse::<SessionId>();
    let session = session.map_err(|expected| Error::invalid("session_id", expected))?;
    let address = jid.parse::<ChatAddress>().map_err(|expected| Error::invalid("jid", expected))?;
    Ok((session, address))
}

/// Which chats a list shall have.
pub(super) fn chat_filter(request: &ListSessionChatsRequest) -> Result<ChatFilter> {
    let group = match request.r#type.as_deref() {
        None => None,
        Some(DM) => Some(false),
        Some(GROUP) => Some(true),
        Some(_) => return Err(Error::invalid("type", "must be dm or group")),
    };
    let name = Some(&request.q).filter(|part| !part.is_empty()).cloned();
    let ListSessionChatsRequest { archived, pinned, muted, unread, .. } = *request;
    Ok(ChatFilter { archived, pinned, muted, unread, group, name })
}

/// What the mask names changes; without a mask, what is set.
pub(super) fn chat_change(request: UpdateSessionChatRequest) -> Result<Change> {
    let chat = request.chat.unwrap_or_default();
    let mut change = Change { unmute: request.unmute.unwrap_or_default(), ..Change::default() };
    let Some(mask) = request.update_mask else {
        change.archived = chat.archived;
        change.pinned = chat.pinned;
        change.muted_until = chat.muted_until.map_or(Ok(Patch::Keep), mute)?;
        return Ok(change);
    };
    for path in mask.paths {
        match path.as_str() {
            "archived" => change.archived = Some(chat.archived.unwrap_or_default()),
            "pinned" => change.pinned = Some(chat.pinned.unwrap_or_default()),
            "muted_until" => change.muted_until = chat.muted_until.map_or(Ok(Patch::Clear), mute)?,
            _ => return Err(Error::invalid("update_mask", "may name archived, pinned and muted_until")),
        }
    }
    Ok(change)
}

fn mute(millis: i64) -> Result<Patch<Instant>> {
    let until = Instant::from_millis(millis).ok_or_else(|| Error::invalid("muted_until", Instant::MILLIS))?;
    Ok(Patch::Set(until))
}

/// The chat as the session API answers it.
pub(super) fn session_chat(session: SessionId, view: SessionChatView) -> SessionChat {
    let SessionChatView { held, address, name } = view;
    let is_group = address.kind() == AddressKind::Group;
    SessionChat {
        id: held.id,
        session_id: session.to_string(),
        jid: address.to_jid(),
        r#type: if is_group { GROUP } else { DM }.to_owned(),
        name,
        archived: Some(held.archived),
        pinned: Some(held.pinned),
        muted_until: held.muted_until.map(Instant::millis),
        unread_count: held.unread.map_or(0, i64::from),
        last_message_at: held.last_message_at.map(Instant::millis),
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;

    fn changed(chat: SessionChat, paths: Option<&[&str]>) -> Result<Change> {
        let update_mask =
            paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        chat_change(UpdateSessionChatRequest { chat: Some(chat), update_mask, ..Default::default() })
    }

    fn muted(millis: i64) -> SessionChat {
        SessionChat { muted_until: Some(millis), ..SessionChat::default() }
    }

    #[test]
    fn without_a_mask_what_is_set_changes() {
        let change = changed(SessionChat { pinned: Some(false), ..muted(1) }, None).unwrap();
        assert_eq!((change.archived, change.pinned), (None, Some(false)));
        assert_eq!(change.muted_until, Patch::Set(Instant::from_micros(1000)));
    }

    #[test]
    fn with_a_mask_only_what_it_names_changes() {
        let change = changed(muted(-1), Some(&["archived"])).unwrap();
        assert_eq!((change.archived, change.muted_until), (Some(false), Patch::Keep));
        let change = changed(SessionChat::default(), Some(&["muted_until"])).unwrap();
        assert_eq!(change.muted_until, Patch::Clear);
    }

    #[test]
    fn a_mask_names_nothing_else() {
        for path in ["name", "mutedUntil", "unmute", "*"] {
            let error = changed(muted(1), Some(&[path])).unwrap_err();
            assert_eq!(error.fields()[0].field, "update_mask", "{path}");
        }
    }

    #[test]
    fn a_mute_lies_between_1970_and_9999() {
        for millis in [0, Instant::MAX_MILLIS] {
            assert!(changed(muted(millis), None).is_ok(), "{millis}");
        }
        for millis in [-1, Instant::MAX_MILLIS + 1, i64::MIN, i64::MAX] {
            let error = changed(muted(millis), None).unwrap_err();
            assert_eq!(error.fields()[0].field, "muted_until", "{millis}");
        }
    }
}
