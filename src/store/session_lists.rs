//! Lists of one session with keyset pagination: its chats, and the messages of a chat.

mod listed_chat;
mod named_chats;

use diesel::dsl::{array, exists, not, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Record, Text, Timestamptz};

use self::listed_chat::Columns;
pub use self::listed_chat::{ChatFilter, ChatPosition, ListedChat};
use self::named_chats::NamedChats;
use super::connection::{Connection, StoreResult};
use super::keyset::row_below;
use super::message_views::MessageView;
use super::org_rows::{org_rows, same_chat};
use super::org_views::{View, of_org};
use super::routing;
use super::schema::{chat_addresses, chats, contacts, session_chats, sessions};
use super::views::message_views;
use super::visibility::is_visible;
use crate::folding::fold;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;

diesel::define_sql_function! {
    /// The first value that is not null.
    fn coalesce(one: Nullable<Text>, other: Nullable<Text>) -> Nullable<Text>;
}

/// Filters by a boolean column itself, not by comparison with a bound value: then the planner recognizes that a partial
/// index has all rows.
macro_rules! by_flag {
    ($page:expr, $wanted:expr, $column:expr) => {
        match $wanted {
            Some(true) => $page.filter($column),
            Some(false) => $page.filter(not($column)),
            None => $page,
        }
    };
}

/// The session's chats after a position, in order. Boxed, since filters are optional; diesel prepares each combination
/// once. A macro, because its type is hundreds of words long.
macro_rules! page {
    ($org:expr, $session:expr, $filter:expr, $after:expr) => {{
        let person = contacts::org_id.eq(session_chats::org_id).and(contacts::contact_id.eq(chats::chat_id));
        let (pinned, active_at, id) = (session_chats::pinned, session_chats::active_at, session_chats::id);
        let page = session_chats::table
            .inner_join(chats::table.on(same_chat!(chats, session_chats)))
            .left_join(contacts::table.on(person))
            .filter(session_chats::org_id.eq($org))
            .filter(session_chats::session_id.eq($session))
            .order((pinned.desc(), active_at.desc(), id.desc()))
            .into_boxed();
        let page = by_flag!(page, $filter.archived, session_chats::archived);
        let page = by_flag!(page, $filter.pinned, pinned);
        let page = by_flag!(page, $filter.unread, session_chats::is_unread);
        let page = by_flag!(page, $filter.group, session_chats::is_group);
        let until = session_chats::muted_until;
        let page = match $filter.muted {
            Some(true) => page.filter(until.is_not_null().and(until.gt(now))),
            Some(false) => page.filter(until.is_null().or(until.le(now))),
            None => page,
        };
        let after = |place: ChatPosition| (place.active_at.into_sql::<Timestamptz>(), place.id.into_sql::<BigInt>());
        match $after {
            None => page,
            Some(place) if place.pinned => {
                let (sent, last) = after(place);
                page.filter(row_below((pinned, active_at, id), (true.into_sql::<Bool>(), sent, last)))
            }
            // The same, within the chats that are not pinned. From the first column alone the planner would estimate
            // that no row is below "not pinned".
            Some(place) => page.filter(not(pinned).and(row_below((active_at, id), after(place)))),
        }
    }};
}

/// Up to `limit` chats of the session after a position: pinned first, then newest activity. `None` when the session
/// does not exist. One statement.
pub fn chats(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    filter: &ChatFilter,
    viewer: Option<&str>,
    after: Option<ChatPosition>,
    limit: i64,
) -> StoreResult<Option<Vec<ListedChat>>> {
    if let Some(name) = filter.name.as_deref().map(fold).filter(|name| !name.is_empty()) {
        let named = NamedChats::new((org, session), filter, viewer, name, after, limit);
        let rows: Vec<(bool, Option<ListedChat>)> = named.load(connection)?;
        let session_exists = rows.first().is_some_and(|(exists, _)| *exists);
        return Ok(session_exists.then(|| rows.into_iter().filter_map(|(_, chat)| chat).collect()));
    }
    let session_exists = exists(org_rows!(sessions, org, session_id = session));
    let columns = (
        session_chats::id,
        session_chats::archived,
        session_chats::pinned,
        session_chats::muted_until,
        session_chats::unread,
        session_chats::last_message_at,
        session_chats::active_at,
        chats::chat_id,
        coalesce(contacts::name.nullable(), chats::name),
    );
    let page = page!(org, session, filter, after)
        .filter(is_visible!(session_chats, org, viewer.unwrap_or_default()))
        .limit(limit);
    if routing::is_by_org() {
        // Citus cannot receive records.
        let chats: Vec<ListedChat> = page.select(columns).load(connection)?;
        let session_exists = !chats.is_empty() || diesel::select(session_exists).get_result(connection)?;
        return Ok(session_exists.then_some(chats));
    }
    let page = page.select(columns.into_sql::<Record<Columns>>());
    // In this order, so that the statement has the name of the one that searches: see `read` in `statements.rs`.
    let (chats, session_exists): (Vec<ListedChat>, bool) =
        diesel::select((array::<Record<Columns>, _>(page), session_exists)).get_result(connection)?;
    Ok(session_exists.then_some(chats))
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
