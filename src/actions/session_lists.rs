//! The lists of what one session holds: its chats, and the messages of a chat.

use super::page::{self, Page};
use super::session_chats;
use super::sessions::{self, check_reach};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, SessionId};
use crate::instant::Instant;
use crate::store::Store;
use crate::store::session_chats::SessionChatView;
use crate::store::session_lists::{self, ChatPosition};
pub use crate::store::session_lists::{ChatFilter, StoredMessage};

/// The longest text that is looked for in names, in characters.
const MAX_PART: usize = 100;

/// Which page of a list is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many items it may have, before it is held within bounds.
    pub limit: Option<i64>,
    /// What the page before said of this one; empty for the first.
    pub cursor: String,
}

/// A page of the session's chats: pinned ones first, then those with the newest activity, those without any last.
pub async fn chats(
    store: &Store,
    cursors: &SigningKeys,
    caller: &Caller,
    session: SessionId,
    filter: ChatFilter,
    request: PageRequest,
) -> Result<Page<SessionChatView>> {
    check_name(filter.name.as_deref())?;
    let (org, size, scope) = (caller.org, page::size(request.limit), chat_scope(session, &filter));
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => {
            let (pinned, active_at, id): (bool, i64, i64) = cursors.open(org, &scope, cursor)?;
            Some(ChatPosition { pinned, active_at: Instant::from_micros(active_at), id })
        }
    };
    check_reach(caller, session)?;
    let rows = store
        .read(move |connection| session_lists::chats(connection, org, session, &filter, after, size + 1))
        .await?
        .ok_or_else(sessions::not_found)?;
    let position = |row: &session_lists::ListedChat| {
        let ChatPosition { pinned, active_at, id } = row.position;
        (pinned, active_at.micros(), id)
    };
    let page = page::cut(rows, size, position, (cursors, org, &scope))?;
    Ok(Page { items: page.items.into_iter().map(|row| row.view).collect(), next: page.next })
}

/// A page of the chat's messages, newest first, each with the chat's own address.
pub async fn messages(
    store: &Store,
    cursors: &SigningKeys,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
    request: PageRequest,
) -> Result<Page<(StoredMessage, ChatAddress)>> {
    let (org, size) = (caller.org, page::size(request.limit));
    let scope = Scope::of("session messages").with("session", session).with("chat", &address);
    let before = match request.cursor.as_str() {
        "" => None,
        cursor => {
            let (sent_at, id): (i64, String) = cursors.open(org, &scope, cursor)?;
            Some((Instant::from_micros(sent_at), id))
        }
    };
    check_reach(caller, session)?;
    let rows = store
        .read(move |connection| {
            let before = before.as_ref().map(|(sent_at, id)| (*sent_at, id.as_str()));
            let rows = session_lists::messages(connection, org, session, &address, before, size + 1)?;
            if rows.is_empty() {
                session_chats::find(connection, org, session, &address)?;
            }
            Ok(rows)
        })
        .await?;
    let position =
        |(message, _): &(StoredMessage, ChatAddress)| (message.sent_at.micros(), message.message_id.clone());
    page::cut(rows, size, position, (cursors, org, &scope))
}

fn chat_scope(session: SessionId, filter: &ChatFilter) -> Scope {
    let ChatFilter { archived, pinned, muted, unread, group, name } = filter;
    Scope::of("session chats")
        .with("session", session)
        .with_some("archived", *archived)
        .with_some("pinned", *pinned)
        .with_some("muted", *muted)
        .with_some("unread", *unread)
        .with_some("group", *group)
        .with_some("name", name.as_deref())
}

fn check_name(part: Option<&str>) -> Result<()> {
    match part {
        Some(part) if part.chars().count() > MAX_PART || part.chars().any(char::is_control) => {
            let expected =
                format_args!("must be at most {MAX_PART} characters, none of them a control character");
            Err(Error::invalid("q", expected))
        }
        Some(_) | None => Ok(()),
    }
}
