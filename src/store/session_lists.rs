//! Pages of what one session holds: its chats, and the messages of a chat.

mod named;

use diesel::deserialize::{self, FromSql};
use diesel::dsl::{array, exists, not, now};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Record, Text, Timestamptz};

use super::json::Json;
use super::keyset::row_below;
use super::message_views::{Delivery, Details};
use super::schema::{chat_addresses, chats, contacts, messages, session_chats, sessions};
use super::session_chats::{HeldSessionChat, SessionChatView};
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;

/// Which of a session's chats are listed: those that pass every filter that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// Whether the number has archived them.
    pub archived: Option<bool>,
    /// Whether the number has pinned them.
    pub pinned: Option<bool>,
    /// Whether they are muted at the moment, by the database's clock.
    pub muted: Option<bool>,
    /// Whether anything in them is unread.
    pub unread: Option<bool>,
    /// Whether they are groups.
    pub group: Option<bool>,
    /// What their name contains, upper or lower case alike.
    pub name: Option<String>,
}

/// Where a chat stands in the list. Every part is in descending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatPlace {
    /// Whether it is pinned.
    pub pinned: bool,
    /// When its newest message was sent.
    pub active_at: Instant,
    /// Tells chats with the same activity apart.
    pub id: i64,
}

/// A chat of the list.
#[derive(Clone, Debug)]
pub struct ListedChat {
    /// The chat.
    pub view: SessionChatView,
    /// Where it stands.
    pub place: ChatPlace,
}

/// What a list reads of a chat.
type ChatColumns = Record<(
    BigInt,
    Bool,
    Bool,
    Nullable<Timestamptz>,
    Nullable<Integer>,
    Nullable<Timestamptz>,
    Timestamptz,
    Text,
    Nullable<Text>,
)>;

impl FromSql<ChatColumns, Pg> for ListedChat {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (id, archived, pinned, muted_until, unread, last_message_at, active_at, address, name) =
            FromSql::<ChatColumns, Pg>::from_sql(value)?;
        let held = HeldSessionChat { id, archived, pinned, muted_until, unread, last_message_at };
        let place = ChatPlace { pinned, active_at, id };
        Ok(Self { view: SessionChatView { held, address, name }, place })
    }
}

diesel::define_sql_function! {
    /// The first text that is there.
    fn coalesce(one: Nullable<Text>, other: Nullable<Text>) -> Nullable<Text>;
}

/// Adds a filter by a boolean column. The column itself and not a comparison with what is bound: so the planner sees
/// which partial index has all the rows.
macro_rules! by_flag {
    ($page:expr, $wanted:expr, $column:expr) => {
        match $wanted {
            Some(true) => $page.filter($column),
            Some(false) => $page.filter(not($column)),
            None => $page,
        }
    };
}

/// The session's chats after a place, in the list's order. Filters come and go, so the statement is put together when
/// it is asked for; diesel prepares each of its forms once. A macro, because its type is hundreds of words long.
macro_rules! page {
    ($org:expr, $session:expr, $filter:expr, $after:expr) => {{
        let chat = chats::org_id.eq(session_chats::org_id).and(chats::chat_key.eq(session_chats::chat_key));
        let person = contacts::org_id.eq(session_chats::org_id).and(contacts::contact_id.eq(chats::chat_id));
        let (pinned, active_at, id) = (session_chats::pinned, session_chats::active_at, session_chats::id);
        let page = session_chats::table
            .inner_join(chats::table.on(chat))
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
        let after = |place: ChatPlace| (place.active_at.into_sql::<Timestamptz>(), place.id.into_sql::<BigInt>());
        match $after {
            None => page,
            Some(place) if place.pinned => {
                let (sent, last) = after(place);
                page.filter(row_below((pinned, active_at, id), (true.into_sql::<Bool>(), sent, last)))
            }
            // The same within the second of the two groups. The planner guesses by the first column alone, and would
            // take what is below "not pinned" for nothing.
            Some(place) => page.filter(not(pinned).and(row_below((active_at, id), after(place)))),
        }
    }};
}

/// At most that many chats of the session, after that place: pinned first, then newest activity. `None` when the
/// organization has no such session. One statement.
pub fn chats(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    filter: &ChatFilter,
    after: Option<ChatPlace>,
    limit: i64,
) -> StoreResult<Option<Vec<ListedChat>>> {
    let is_there =
        exists(sessions::table.filter(sessions::org_id.eq(org)).filter(sessions::session_id.eq(session)));
    let (is_there, chats): (bool, Vec<ListedChat>) = match &filter.name {
        Some(part) => {
            let page = diesel::select(named::page(org, session, part, filter, after, limit));
            diesel::select((is_there, array::<ChatColumns, _>(page))).get_result(connection)?
        }
        None => {
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
            let page = page!(org, session, filter, after).limit(limit);
            let page = page.select(columns.into_sql::<ChatColumns>());
            diesel::select((is_there, array::<ChatColumns, _>(page))).get_result(connection)?
        }
    };
    Ok(is_there.then_some(chats))
}

/// A stored message, as the session saw it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of messages, described there
pub struct StoredMessage {
    pub message_id: String,
    pub sent_at: Instant,
    pub updated_at: Option<Instant>,
    pub ack: Option<i16>,
    pub from_me: bool,
    pub sender: Option<String>,
    pub type_: Option<String>,
    pub body: Option<String>,
    pub delivery: Option<Json<Delivery>>,
    pub details: Json<Box<Details>>,
}

/// At most that many messages of a chat, newest first, that were sent before the one of that time and id; each with the
/// chat's own address. None too when there is no such session or chat.
pub fn messages(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    before: Option<(Instant, &str)>,
    limit: i64,
) -> StoreResult<Vec<(StoredMessage, ChatAddress)>> {
    let chat_key = chat_addresses::table
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(address))
        .select(chat_addresses::chat_key)
        .single_value();
    // Looked up once, and not for each message.
    let chat_id = chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.nullable().eq(chat_key))
        .select(chats::chat_id)
        .single_value();
    let page = messages::table
        .filter(messages::org_id.eq(org))
        .filter(messages::session_id.eq(session))
        .filter(messages::chat_key.nullable().eq(chat_key))
        .order((messages::sent_at.desc(), messages::message_id.desc()))
        .limit(limit)
        .select((StoredMessage::as_select(), chat_id.assume_not_null()));
    Ok(match before {
        None => page.load(connection)?,
        Some((sent_at, id)) => {
            let place = (messages::sent_at, messages::message_id);
            let values = (sent_at.into_sql::<Timestamptz>(), id.into_sql::<Text>());
            page.filter(row_below(place, values)).load(connection)?
        }
    })
}
