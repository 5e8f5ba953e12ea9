//! Statements of ingest for a session's chats: flags, read mark, unread count, latest message.

use std::collections::BTreeMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use serde_json::json;

use super::changed::{Changed, FieldTimes};
use crate::bulk::{has_key_of, insert_rows, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::events::{EventKind, FieldChanges, NewEvent};
use crate::json::Json;
use crate::list_counts::List;
use crate::schema::{chats, messages, session_chats};
use crate::session_chat_state::{SessionChatState, record_update};
use crate::transaction::Transaction;
use switchboard_core::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// Before all messages.
const BEGINNING: Instant = Instant::from_micros(-62_135_596_800_000_000);

diesel::define_sql_function! {
    /// The first argument, or the second when it is null.
    fn coalesce(one: Nullable<Timestamptz>, other: Timestamptz) -> Timestamptz;
}

/// A chat of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Queryable)]
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
    /// Incoming messages newer than the read mark, or `min_unread` if that is more; `None` while unknown.
    pub unread: Option<i32>,
    /// The least unread count until the read mark moves: the chat was marked as unread, or as read without a mark (0).
    pub min_unread: Option<i32>,
    /// The newest message.
    pub latest: Option<Latest>,
    /// When each flag was last reported or set; see `session_chats.field_times`.
    pub field_times: FieldTimes,
    /// The key limited to some sessions that alone reported the chat.
    pub claimed_by: Option<String>,
}

/// The newest message of a chat by (sent, arrival).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// When it was sent.
    pub sent_at: Instant,
    /// The number of its arrival; `None` until it is written.
    pub arrival: Option<i64>,
    /// WhatsApp's id.
    pub id: String,
}

/// The condition that a row of `session_chats` has one of these keys.
macro_rules! is_one_of {
    ($org:expr, $keys:expr) => {
        has_key_of!($org, session_chats, $keys, |key| { session_id: key.session, chat_key: key.chat_key })
    };
}

impl SessionChat {
    fn state(&self) -> SessionChatState {
        SessionChatState {
            archived: self.archived.unwrap_or_default(),
            pinned: self.pinned.unwrap_or_default(),
            exited: self.exited.unwrap_or_default(),
            muted_until: self.muted_until.flatten(),
            read_up_to: self.read_up_to,
            unread: self.unread,
            latest_message_id: self.latest.as_ref().map(|latest| latest.id.clone()),
            last_message_at: self.latest.as_ref().map(|latest| latest.sent_at),
        }
    }
}

/// Creates missing rows, with the key that claims a chat of that key. The keys must be in ascending order.
pub fn create_session_chats<'a>(
    tx: &mut Transaction<'_>,
    keys: &[SessionChatKey],
    claimed_by: impl Fn(i64) -> Option<&'a str>,
) -> StoreResult<()> {
    let org = tx.org();
    let listed: Vec<(i64, ChatAddress, String)> = chats::table
        .filter(has_key_of!(org, chats, keys, |key| { chat_key: key.chat_key }))
        .select((chats::chat_key, chats::chat_id, chats::type_))
        .load(&mut **tx)?;
    let listed: BTreeMap<i64, (&ChatAddress, &str)> =
        listed.iter().map(|(key, address, kind)| (*key, (address, kind.as_str()))).collect();
    let copied = |key: &SessionChatKey| listed.get(&key.chat_key).copied();
    let created: Vec<SessionChatKey> = insert_rows!(org, session_chats, keys, |key| {
        session_id: key.session,
        chat_key: key.chat_key,
        listed_id: copied(key).map(|(address, _)| address.as_str()),
        listed_type: copied(key).map(|(_, kind)| kind),
        is_group: copied(key).is_some_and(|(address, _)| address.kind() == AddressKind::Group),
        claimed_by: claimed_by(key.chat_key),
    })
    .on_conflict_do_nothing()
    .returning((session_chats::session_id, session_chats::chat_key))
    .get_results(&mut **tx)?;
    record_attached(tx, &created);
    Ok(())
}

/// Records that sessions hold these chats from now on.
pub(super) fn record_attached(tx: &mut Transaction<'_>, created: &[SessionChatKey]) {
    for SessionChatKey { session, chat_key } in created {
        let changes = FieldChanges::default();
        let (chat_key, session) = (*chat_key, Some(*session));
        tx.record(NewEvent { chat_key, session, kind: EventKind::Attached, changes, message: None });
        tx.count_added(List::Chats, session, 1);
        tx.activity_changed(chat_key);
    }
}

/// When the newest message was sent, the number of its arrival, and its id.
type LatestColumns = (Option<Instant>, Option<i64>, Option<String>);

impl Latest {
    fn new((sent_at, arrival, id): LatestColumns) -> Option<Self> {
        Some(Self { sent_at: sent_at?, arrival, id: id? })
    }
}

type Row = (
    SessionChatKey,
    (bool, bool, bool, Option<Instant>),
    (bool, bool, bool, bool),
    (Option<Instant>, Option<i32>, Option<i32>),
    LatestColumns,
    (Json<FieldTimes>, Option<String>),
);

/// Locks and returns these chats of sessions; missing ones are left out.
pub fn lock_session_chats(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<SessionChat>> {
    let rows: Vec<Row> = session_chats::table
        .filter(is_one_of!(org, keys))
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
            (session_chats::read_up_to, session_chats::unread, session_chats::min_unread),
            (session_chats::last_message_at, session_chats::latest_arrival, session_chats::latest_message_id),
            (session_chats::field_times, session_chats::claimed_by),
        ))
        .order((session_chats::session_id, session_chats::chat_key))
        .for_no_key_update()
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(key, state, is_known, (read_up_to, unread, min_unread), latest, (field_times, claimed_by))| {
            SessionChat {
                key,
                archived: (state.0 || is_known.0).then_some(state.0),
                pinned: (state.1 || is_known.1).then_some(state.1),
                exited: (state.2 || is_known.2).then_some(state.2),
                muted_until: (state.3.is_some() || is_known.3).then_some(state.3),
                read_up_to,
                unread,
                min_unread,
                latest: Latest::new(latest),
                field_times: field_times.0,
                claimed_by,
            }
        })
        .collect())
}

/// The messages of the current row's chat and session, for a correlated subquery.
///
/// It looks up the messages of one chat after the other. Without statistics, the plan of a join may scan all messages of an
/// organization.
macro_rules! messages_of_row {
    ($org:expr) => {
        messages::table
            .filter(messages::org_id.eq($org))
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
    let mark = coalesce(session_chats::read_up_to, BEGINNING);
    let unread = messages_of_row!(org)
        .filter(messages::from_me.eq(false))
        .filter(messages::silent.eq(false))
        .filter(messages::sent_at.gt(mark))
        .select(count_star());
    let rows: Vec<(SessionChatKey, Option<i64>)> = session_chats::table
        .filter(is_one_of!(org, keys))
        .select(((session_chats::session_id, session_chats::chat_key), unread.single_value()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(key, count)| (key, count.unwrap_or_default())).collect())
}

/// The newest stored message of each of these chats that is not silent; chats without any are left out.
pub fn latest_messages(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<(SessionChatKey, Latest)>> {
    let latest = || {
        let counted = messages_of_row!(org).filter(messages::silent.eq(false));
        counted.order((messages::sent_at.desc(), messages::arrival.desc()))
    };
    let rows: Vec<(SessionChatKey, LatestColumns)> = session_chats::table
        .filter(is_one_of!(org, keys))
        .select((
            (session_chats::session_id, session_chats::chat_key),
            (
                latest().select(messages::sent_at).single_value(),
                latest().select(messages::arrival).single_value(),
                latest().select(messages::message_id).single_value(),
            ),
        ))
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(key, latest)| Some((key, Latest::new(latest)?))).collect())
}

/// Updates these chats of sessions, which exist, and records what changed.
pub fn update_session_chats(
    tx: &mut Transaction<'_>,
    changed: &[Changed<&SessionChat>],
    now: Instant,
) -> StoreResult<()> {
    let rows: Vec<&SessionChat> = changed.iter().map(|row| row.after).collect();
    let update = update_rows!(tx.org(), session_chats, rows, |row| {
        session_id: row.key.session,
        chat_key: row.key.chat_key,
    } set {
        archived: row.archived.unwrap_or_default(),
        pinned: row.pinned.unwrap_or_default(),
        exited: row.exited.unwrap_or_default(),
        muted_until: row.muted_until.flatten(),
        archived_explicit: row.archived.is_some(),
        pinned_explicit: row.pinned.is_some(),
        exited_explicit: row.exited.is_some(),
        mute_explicit: row.muted_until.is_some(),
        read_up_to: row.read_up_to,
        unread: row.unread,
        min_unread: row.min_unread,
        last_message_at: row.latest.as_ref().map(|latest| latest.sent_at),
        latest_arrival: row.latest.as_ref().and_then(|latest| latest.arrival),
        latest_message_id: row.latest.as_ref().map(|latest| latest.id.as_str()),
        updated_at: now,
        field_times: json!(row.field_times),
        claimed_by: row.claimed_by.as_deref(),
    });
    update.execute(&mut **tx)?;
    for Changed { before, after } in changed {
        record_update(tx, after.key.session, after.key.chat_key, &before.state(), &after.state());
    }
    Ok(())
}
