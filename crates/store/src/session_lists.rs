//! Lists of one session with keyset pagination: its chats, and the messages of a chat.

mod listed_chat;
mod statement;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};

pub use self::listed_chat::{ChatPosition, ListedChat};
use self::statement::ListSessionChats;
use super::chat_lists::matching::Matching;
use super::chat_lists::{ChatFilter, ChatOrder};
use super::connection::{Connection, StoreResult};
use super::keyset::row_below;
use super::lists::{ListScope, SessionScope};
use super::message_views::MessageView;
use super::org_rows::org_rows;
use super::org_views::{View, of_org};
use super::schema::{chat_addresses, chats};
use super::views::message_views;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// Up to `limit` chats of the session in scope after a position: pinned first, then in that order of activity. `None` when the
/// session does not exist. One statement.
pub fn chats(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    (filter, order): (&ChatFilter, ChatOrder),
    after: Option<ChatPosition>,
    limit: i64,
) -> StoreResult<Option<Vec<ListedChat>>> {
    let matching = Matching::of_session(org, ListScope::new(org, scope), filter);
    let rows: Vec<(SessionId, Option<ListedChat>)> =
        ListSessionChats { matching, order, after, limit }.load(connection)?;
    let session_exists = !rows.is_empty();
    Ok(session_exists.then(|| rows.into_iter().filter_map(|(_, chat)| chat).collect()))
}

/// A stored message with its order of arrival.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = message_views, check_for_backend(Pg))]
pub struct StoredMessage {
    /// The message.
    #[diesel(embed)]
    pub message: MessageView,
    /// Order of arrival among messages of one time.
    pub arrival: i64,
}

/// Up to `limit` messages of a chat, newest first, before that time and arrival, each with the chat's canonical address.
/// Empty also when the session or chat does not exist, or is hidden from the viewer.
pub fn messages(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    viewer: Option<&str>,
    before: Option<(Instant, i64)>,
    limit: i64,
) -> StoreResult<Vec<(StoredMessage, ChatAddress)>> {
    let chat_key = org_rows!(chat_addresses, org, address = address)
        .filter(is_visible!(chat_addresses, org, viewer.unwrap_or_default()))
        .select(chat_addresses::chat_key)
        .single_value();
    // A scalar subquery runs once, a join for each message.
    let chat_id = org_rows!(chats, org)
        .filter(chats::chat_key.nullable().eq(chat_key))
        .select(chats::chat_id)
        .single_value();
    let page = org_rows!(message_views, org, session_id = session)
        .filter(message_views::chat_key.nullable().eq(chat_key))
        .order((message_views::sent_at.desc(), message_views::arrival.desc()))
        .limit(limit)
        .select((StoredMessage::as_select(), chat_id.assume_not_null()));
    Ok(match before {
        None => of_org(org, View::Messages, page).load(connection)?,
        Some((sent_at, arrival)) => {
            let position = (message_views::sent_at, message_views::arrival);
            let values = (sent_at.into_sql::<Timestamptz>(), arrival.into_sql::<BigInt>());
            of_org(org, View::Messages, page.filter(row_below(position, values))).load(connection)?
        }
    })
}
