//! Lists of a session: its chats, and the messages of a chat.

use prost::Message as _;

use super::chat_lists::{self, ViewCounts};
pub use super::page::PageRequest;
use super::page::{CursorList, Page};
use super::session_chats;
use super::sessions::{self, check_reach};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, SessionId};
use crate::instant::Instant;
pub use crate::store::chat_lists::{ChatFilter, ChatOrder};
use crate::store::lists::SessionScope;
use crate::store::session_chats::SessionChatView;
pub use crate::store::session_lists::StoredMessage;
use crate::store::session_lists::{self, ChatPosition, ListedChat};
use crate::store::{Connection, Store, claims};

/// The longest search text for names, in characters.
const MAX_PART: usize = 100;

/// A page of the session's chats: pinned ones first, then in that order of activity.
pub async fn chats(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    session: SessionId,
    (filter, order): (ChatFilter, ChatOrder),
    request: PageRequest,
) -> Result<Page<SessionChatView>> {
    let scope = Scope::of("session chats").with("session", session);
    let scope = scope.with("list", format_args!("{filter:?} {order:?}"));
    let list = CursorList { store, keys, org: caller.org, scope };
    let position = |row: &ListedChat| {
        let ChatPosition { pinned, active_at, id } = row.position;
        (pinned, active_at.micros(), id)
    };
    let caller = caller.clone();
    let read = move |connection: &mut Connection, after: Option<(bool, i64, i64)>, limit| {
        check_reach(&caller, session)?;
        let after = after.map(|(pinned, micros, id)| ChatPosition {
            pinned,
            active_at: Instant::from_micros(micros),
            id,
        });
        let scope = SessionScope::of_session(&caller, session);
        let rows = session_lists::chats(connection, caller.org, &scope, (&filter, order), after, limit)?;
        let mut rows = rows.ok_or_else(sessions::not_found)?;
        let chats: Vec<&ChatAddress> = rows.iter().map(|row| &row.view.address).collect();
        let claimed = claims::of(connection, caller.org, caller.claimant.as_ref(), &chats)?;
        for row in rows.iter_mut().filter(|row| claimed.contains(&row.view.address)) {
            row.view.name = None;
        }
        Ok(rows)
    };
    Ok(list.page(request.limit, &request.cursor, position, read).await?.map(|row| row.view))
}

/// Counts the session's chats of each view that pass the filter. `member` is the key of the member whose chats are `mine`;
/// otherwise the caller's.
pub async fn count(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    filter: ChatFilter,
    member: Option<String>,
) -> Result<ViewCounts> {
    check_reach(caller, session)?;
    let scope = SessionScope::of_session(caller, session);
    let counts = chat_lists::count_in(store, caller, scope, filter, member).await?;
    counts.ok_or_else(sessions::not_found)
}

/// A page of the chat's messages, newest first, each with the chat's own address.
pub async fn messages(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
    request: PageRequest,
) -> Result<Page<(StoredMessage, ChatAddress)>> {
    let scope = Scope::of("session messages").with("session", session).with("chat", &address);
    let list = CursorList { store, keys, org: caller.org, scope };
    let position =
        |(stored, _): &(StoredMessage, ChatAddress)| (stored.message.sent_at.micros(), stored.arrival);
    let caller = caller.clone();
    let read = move |connection: &mut Connection, before: Option<(i64, i64)>, limit| {
        check_reach(&caller, session)?;
        let before = before.map(|(micros, arrival)| (Instant::from_micros(micros), arrival));
        let viewer = caller.viewer();
        let rows = session_lists::messages(
            connection,
            caller.org,
            session,
            &address,
            viewer.as_deref(),
            before,
            limit,
        )?;
        if rows.is_empty() {
            session_chats::find(connection, &caller, session, &address)?;
        }
        Ok(rows)
    };
    list.page_by_size(request.limit, &request.cursor, position, |(message, _)| size_of(message), read).await
}

fn size_of(StoredMessage { message, .. }: &StoredMessage) -> usize {
    let delivery = message.delivery.as_ref().map_or(0, |delivery| delivery.0.encoded_len());
    message.body.as_ref().map_or(0, String::len) + delivery + message.details.0.encoded_len()
}

/// Rejects an invalid part of a name.
pub fn check_name(part: &str) -> Result<()> {
    if part.chars().count() <= MAX_PART && !part.chars().any(char::is_control) {
        return Ok(());
    }
    let expected = format_args!("must be at most {MAX_PART} characters, none of them a control character");
    Err(Error::invalid("q", expected))
}
