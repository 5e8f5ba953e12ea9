//! Statements of ingest for a session's chats: flags, read mark, unread count, latest message.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid};

use super::bulk::{UpdateRows, array, key_in, texts, unnest};
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{messages, session_chats};

/// Before all messages.
const BEGINNING: Instant = Instant::from_micros(-62_135_596_800_000_000);

diesel::define_sql_function! {
    /// The first argument, or the second when it is null.
    fn coalesce(one: Nullable<Timestamptz>, other: Timestamptz) -> Timestamptz;
}

/// A chat of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionChatKey {
    /// The session.
    pub session: SessionId,
    /// The chat inside this database.
    pub chat_key: i64,
}

/// A session's view of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionChat {
    /// The key.
    pub key: SessionChatKey,
    /// Whether the session has archived the chat; `None` while unknown, here and below.
    pub archived: Option<bool>,
    /// Whether the session has pinned the chat.
    pub pinned: Option<bool>,
    /// Whether the session has left the group.
    pub exited: Option<bool>,
    /// The end of the mute; `Some(None)` when it is not muted.
    pub muted_until: Option<Option<Instant>>,
    /// The read mark: incoming messages sent after it are unread.
    pub read_up_to: Option<Instant>,
    /// Incoming messages newer than the read mark; `None` while unknown.
    pub unread: Option<i32>,
    /// The newest message by (sent, id).
    pub latest: Option<(Instant, String)>,
}

fn columns(keys: &[SessionChatKey]) -> (Vec<SessionId>, Vec<i64>) {
    keys.iter().map(|key| (key.session, key.chat_key)).unzip()
}

/// Creates missing rows. The keys must be in ascending order.
pub fn create_session_chats(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<()> {
    let (sessions, chats) = columns(keys);
    diesel::select((org.into_sql::<Uuid>(), unnest(texts(sessions)), unnest(array::<BigInt, _>(chats))))
        .insert_into(session_chats::table)
        .into_columns((session_chats::org_id, session_chats::session_id, session_chats::chat_key))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

type Row = (
    (SessionId, i64),
    (bool, bool, bool, Option<Instant>),
    (bool, bool, bool, bool),
    (Option<Instant>, Option<i32>),
    (Option<Instant>, Option<String>),
);

/// Locks and returns these chats of sessions; missing ones are left out.
pub fn lock_session_chats(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<SessionChat>> {
    let (sessions, chats) = columns(keys);
    let rows: Vec<Row> = session_chats::table
        .filter(key_in(
            (session_chats::org_id, session_chats::session_id, session_chats::chat_key),
            org,
            (texts(sessions), array::<BigInt, _>(chats)),
        ))
        .select((
            (session_chats::session_id, session_chats::chat_key),
            (
                session_chats::archived,
                session_chats::pinned,
                session_chats::exited,
                session_chats::muted_until,
            ),
            (
                session_chats::archived_explicit,
                session_chats::pinned_explicit,
                session_chats::exited_explicit,
                session_chats::mute_explicit,
            ),
            (session_chats::read_up_to, session_chats::unread),
            (session_chats::last_message_at, session_chats::latest_message_id),
        ))
        .order((session_chats::session_id, session_chats::chat_key))
        .for_no_key_update()
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|((session, chat_key), state, is_known, (read_up_to, unread), latest)| SessionChat {
            key: SessionChatKey { session, chat_key },
            archived: (state.0 || is_known.0).then_some(state.0),
            pinned: (state.1 || is_known.1).then_some(state.1),
            exited: (state.2 || is_known.2).then_some(state.2),
            muted_until: (state.3.is_some() || is_known.3).then_some(state.3),
            read_up_to,
            unread,
            latest: latest.0.zip(latest.1),
        })
        .collect())
}

/// The messages of the current row's chat and session, for a correlated subquery.
///
/// It looks up the messages of one chat after the other. Without statistics, the plan of a join may scan all messages of an
/// organization.
macro_rules! messages_of_row {
    () => {
        messages::table
            .filter(messages::org_id.eq(session_chats::org_id))
            .filter(messages::session_id.eq(session_chats::session_id))
            .filter(messages::chat_key.eq(session_chats::chat_key))
    };
}

/// Number of incoming messages after the stored read mark.
pub fn unread_counts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<(SessionChatKey, i64)>> {
    let (sessions, chats) = columns(keys);
    let mark = coalesce(session_chats::read_up_to, BEGINNING);
    let unread = messages_of_row!()
        .filter(messages::from_me.eq(false))
        .filter(messages::sent_at.gt(mark))
        .select(count_star());
    let rows: Vec<(SessionId, i64, Option<i64>)> = session_chats::table
        .filter(key_in(
            (session_chats::org_id, session_chats::session_id, session_chats::chat_key),
            org,
            (texts(sessions), array::<BigInt, _>(chats)),
        ))
        .select((session_chats::session_id, session_chats::chat_key, unread.single_value()))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(session, chat_key, count)| (SessionChatKey { session, chat_key }, count.unwrap_or_default()))
        .collect())
}

type Latest = ((SessionId, i64), Option<Instant>, Option<String>);

/// The newest stored message of each of these chats; chats without any are left out.
pub fn latest_messages(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<(SessionChatKey, (Instant, String))>> {
    let (sessions, chats) = columns(keys);
    let latest = || messages_of_row!().order((messages::sent_at.desc(), messages::message_id.desc()));
    let rows: Vec<Latest> = session_chats::table
        .filter(key_in(
            (session_chats::org_id, session_chats::session_id, session_chats::chat_key),
            org,
            (texts(sessions), array::<BigInt, _>(chats)),
        ))
        .select((
            (session_chats::session_id, session_chats::chat_key),
            latest().select(messages::sent_at).single_value(),
            latest().select(messages::message_id).single_value(),
        ))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|((session, chat_key), at, id)| Some((SessionChatKey { session, chat_key }, at.zip(id)?)))
        .collect())
}

/// Updates these chats of sessions, which exist.
pub fn update_session_chats(
    connection: &mut Connection,
    org: OrgId,
    rows: &[&SessionChat],
    now: Instant,
) -> StoreResult<()> {
    let flag = |field: fn(&SessionChat) -> bool| {
        array::<Bool, _>(rows.iter().map(|row| field(row)).collect::<Vec<_>>())
    };
    let instant = |field: fn(&SessionChat) -> Option<Instant>| {
        array::<Nullable<Timestamptz>, _>(rows.iter().map(|row| field(row)).collect::<Vec<_>>())
    };
    let latest_ids: Vec<Option<&str>> =
        rows.iter().map(|row| row.latest.as_ref().map(|(_, id)| id.as_str())).collect();
    let statement = UpdateRows {
        table: "session_chats",
        keys: &["session_id", "chat_key"],
        columns: &[
            "archived",
            "pinned",
            "exited",
            "muted_until",
            "archived_explicit",
            "pinned_explicit",
            "exited_explicit",
            "mute_explicit",
            "read_up_to",
            "unread",
            "last_message_at",
            "latest_message_id",
            "updated_at",
        ],
        org,
        arrays: (
            texts(rows.iter().map(|row| row.key.session).collect::<Vec<_>>()),
            array::<BigInt, _>(rows.iter().map(|row| row.key.chat_key).collect::<Vec<_>>()),
            flag(|row| row.archived.unwrap_or_default()),
            flag(|row| row.pinned.unwrap_or_default()),
            flag(|row| row.exited.unwrap_or_default()),
            instant(|row| row.muted_until.flatten()),
            flag(|row| row.archived.is_some()),
            flag(|row| row.pinned.is_some()),
            flag(|row| row.exited.is_some()),
            flag(|row| row.muted_until.is_some()),
            instant(|row| row.read_up_to),
            array::<Nullable<Integer>, _>(rows.iter().map(|row| row.unread).collect::<Vec<_>>()),
            instant(|row| row.latest.as_ref().map(|(at, _)| *at)),
            array::<Nullable<Text>, _>(latest_ids),
            array::<Timestamptz, _>(vec![now; rows.len()]),
        ),
    };
    statement.execute(connection)?;
    Ok(())
}
