//! Lists of chats: which chats stand on a page, and all of them whole.

use std::collections::HashMap;

use diesel::dsl::{exists, not, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::chats::{ChatView, HeldChat, SharedChat};
use super::ingest::bulk::{array, key_in, texts};
use super::lists::{Numbers, Window};
use super::message_views::MessageView;
use super::schema::{chat_activity, chat_labels, labels, session_chats, sessions};
use super::views::{chat_views, message_views};
use super::{Connection, StoreResult};
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;

/// Which chats a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// `user`, `group` or `business`.
    pub chat_type: Option<&'static str>,
    /// Those with that label.
    pub label: Option<LabelFilter>,
    /// Those whose newest message was not sent before.
    pub start: Option<Instant>,
    /// Those whose newest message was sent before.
    pub end: Option<Instant>,
    /// Those with unread messages, or those without.
    pub unread: Option<bool>,
}

/// A label by its id or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// What it would be as an id.
    pub id: String,
    /// What it would be as a name, in the form names are compared in.
    pub key: String,
}

/// A chat as a number sees it.
pub type ListedChat = (SessionId, i64);

/// The chats of that table which the filter lets pass. The columns have the same names in both tables.
macro_rules! matching {
    ($table:ident, $query:expr, $org:expr, $filter:expr) => {{
        let mut query = $query.filter($table::org_id.eq($org)).into_boxed::<Pg>();
        if let Some(chat_type) = $filter.chat_type {
            query = query.filter($table::listed_type.eq(chat_type));
        }
        if let Some(start) = $filter.start {
            query = query.filter($table::last_message_at.ge(start));
        }
        if let Some(end) = $filter.end {
            query = query.filter($table::last_message_at.lt(end));
        }
        match $filter.unread {
            Some(true) => query = query.filter($table::is_unread),
            Some(false) => query = query.filter(not($table::is_unread)),
            None => {}
        }
        if let Some(label) = &$filter.label {
            let ids = labels::table
                .filter(labels::org_id.eq($org))
                .filter(labels::label_id.eq(&label.id).or(labels::label_key.eq(&label.key)))
                .select(labels::label_id);
            let labelled = chat_labels::table
                .filter(chat_labels::org_id.eq($org))
                .filter(chat_labels::label_id.eq_any(ids))
                .select(chat_labels::chat_key);
            query = query.filter($table::chat_key.eq_any(labelled));
        }
        query
    }};
}

/// The chats of some numbers, each as the number with the newest activity in it sees it.
macro_rules! newest_of {
    ($query:expr, $org:expr, $some:expr) => {{
        let others = diesel::alias!(session_chats as others);
        let (at, other_at) = (session_chats::last_message_at, others.field(session_chats::last_message_at));
        let other_session = others.field(session_chats::session_id);
        let is_newer = other_at
            .gt(at)
            .or(other_at.is_not_null().and(at.is_null()))
            .or(other_at.is_not_distinct_from(at).and(other_session.lt(session_chats::session_id)));
        let newer = others
            .filter(others.field(session_chats::org_id).eq($org))
            .filter(others.field(session_chats::chat_key).eq(session_chats::chat_key))
            .filter(other_session.eq_any($some.iter()))
            .filter(is_newer.assume_not_null());
        $query.filter(session_chats::session_id.eq_any($some.iter())).filter(not(exists(newer)))
    }};
}

/// A window of the list, newest activity first, then by chat id.
macro_rules! in_window {
    ($table:ident, $query:expr, $window:expr, $connection:expr) => {{
        let query = $query.select(($table::session_id, $table::chat_key));
        let query = query.offset($window.offset).limit($window.limit);
        if $window.from_end {
            let mut chats: Vec<ListedChat> = query
                .order(($table::last_message_at.asc().nulls_first(), $table::listed_id.desc()))
                .load($connection)?;
            chats.reverse();
            chats
        } else {
            query
                .order(($table::last_message_at.desc().nulls_last(), $table::listed_id.asc()))
                .load($connection)?
        }
    }};
}

/// How many chats match.
pub fn count(
    connection: &mut Connection,
    org: OrgId,
    numbers: &Numbers,
    filter: &ChatFilter,
) -> StoreResult<i64> {
    let count = match numbers {
        Numbers::All => {
            matching!(chat_activity, chat_activity::table, org, filter).count().get_result(connection)
        }
        Numbers::One(session) => {
            let held = session_chats::table.filter(session_chats::session_id.eq(*session));
            matching!(session_chats, held, org, filter).count().get_result(connection)
        }
        Numbers::Some(some) => {
            let held = newest_of!(session_chats::table, org, some);
            matching!(session_chats, held, org, filter).count().get_result(connection)
        }
    };
    Ok(count?)
}

/// The chats in that part of the list.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    numbers: &Numbers,
    filter: &ChatFilter,
    window: Window,
) -> StoreResult<Vec<ListedChat>> {
    Ok(match numbers {
        Numbers::All => {
            let chats = matching!(chat_activity, chat_activity::table, org, filter);
            in_window!(chat_activity, chats, window, connection)
        }
        Numbers::One(session) => {
            let held = session_chats::table.filter(session_chats::session_id.eq(*session));
            in_window!(session_chats, matching!(session_chats, held, org, filter), window, connection)
        }
        Numbers::Some(some) => {
            let held = newest_of!(session_chats::table, org, some);
            in_window!(session_chats, matching!(session_chats, held, org, filter), window, connection)
        }
    })
}

/// These chats whole, in that order. One statement.
pub fn whole(connection: &mut Connection, org: OrgId, listed: &[ListedChat]) -> StoreResult<Vec<ChatView>> {
    type Row = (ListedChat, SharedChat, HeldChat, String, Option<bool>, Option<MessageView>);
    let (session_ids, keys): (Vec<SessionId>, Vec<i64>) = listed.iter().copied().unzip();
    let latest_message = message_views::org_id
        .eq(session_chats::org_id)
        .and(message_views::session_id.eq(session_chats::session_id))
        .and(message_views::chat_key.eq(session_chats::chat_key))
        .and(message_views::message_id.nullable().eq(session_chats::latest_message_id));
    let rows: Vec<Row> = session_chats::table
        .inner_join(
            sessions::table.on(sessions::org_id
                .eq(session_chats::org_id)
                .and(sessions::session_id.eq(session_chats::session_id))),
        )
        .inner_join(
            chat_views::table.on(chat_views::org_id
                .eq(session_chats::org_id)
                .and(chat_views::chat_key.eq(session_chats::chat_key))),
        )
        .left_join(message_views::table.on(latest_message))
        .filter(session_chats::org_id.eq(org))
        .filter(key_in(
            (session_chats::session_id, session_chats::chat_key),
            (texts(session_ids), array::<BigInt, _>(keys)),
        ))
        .select((
            (session_chats::session_id, session_chats::chat_key),
            SharedChat::as_select(),
            HeldChat::as_select(),
            sessions::phone,
            session_chats::muted_until.gt(now),
            Option::<MessageView>::as_select(),
        ))
        .load(connection)?;
    let mut found: HashMap<ListedChat, ChatView> = rows
        .into_iter()
        .map(|(key, shared, held, phone, is_muted, latest_message)| {
            (key, ChatView { shared, held, phone, is_muted, latest_message })
        })
        .collect();
    Ok(listed.iter().filter_map(|key| found.remove(key)).collect())
}
