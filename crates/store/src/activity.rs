//! `chat_activity`: each chat that a session holds, with the state of the session with the newest activity in it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, update_rows};
use super::connection::{Connection, StoreResult};
use super::schema::{chat_activity, session_chats};
use switchboard_core::ids::{OrgId, SessionId};
use switchboard_core::instant::Instant;

/// The session with the newest activity in a chat; the lowest id of several.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
struct Newest {
    session: SessionId,
    active_at: Instant,
    is_unread: bool,
}

/// A chat as sessions hold it.
#[derive(Clone, Debug, Queryable)]
struct Held {
    chat_key: i64,
    listed_id: Option<String>,
    listed_type: Option<String>,
    newest: Newest,
}

/// Stores the newest activity of these chats, whose rows in `session_chats` changed. Returns how many had none.
///
/// Rows are locked by ascending chat, as everywhere.
pub(super) fn refresh(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &BTreeSet<i64>,
) -> StoreResult<usize> {
    let stored = lock(connection, org, chat_keys)?;
    // A statement of its own: it must see what earlier holders of the locks have written.
    let held = newest(connection, org, chat_keys)?;
    let (known, new): (Vec<_>, Vec<_>) =
        held.into_iter().partition(|chat| stored.contains_key(&chat.chat_key));
    let moved = known.into_iter().filter(|chat| stored.get(&chat.chat_key) != Some(&chat.newest));
    update(connection, org, &moved.collect::<Vec<_>>())?;
    let inserted = insert(connection, org, &new)?;
    // A concurrent transaction has inserted the others.
    let others: BTreeSet<i64> =
        new.iter().map(|chat| chat.chat_key).filter(|key| !inserted.contains(key)).collect();
    Ok(inserted.len() + if others.is_empty() { 0 } else { refresh(connection, org, &others)? })
}

/// Deletes the rows of these chats, which no session holds any more. Returns how many there were.
pub(super) fn delete(connection: &mut Connection, org: OrgId, chat_keys: &[i64]) -> StoreResult<usize> {
    let is_deleted = has_key_of!(org, chat_activity, chat_keys, |key| { chat_key: *key });
    Ok(diesel::delete(chat_activity::table).filter(is_deleted).execute(connection)?)
}

fn lock(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &BTreeSet<i64>,
) -> StoreResult<BTreeMap<i64, Newest>> {
    let rows: Vec<(i64, Newest)> = chat_activity::table
        .filter(has_key_of!(org, chat_activity, chat_keys, |key| { chat_key: *key }))
        .order(chat_activity::chat_key)
        .select((
            chat_activity::chat_key,
            (chat_activity::session_id, chat_activity::active_at, chat_activity::is_unread),
        ))
        .for_update()
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

fn newest(connection: &mut Connection, org: OrgId, chat_keys: &BTreeSet<i64>) -> StoreResult<Vec<Held>> {
    Ok(session_chats::table
        .filter(has_key_of!(org, session_chats, chat_keys, |key| { chat_key: *key }))
        .distinct_on(session_chats::chat_key)
        .order((session_chats::chat_key, session_chats::active_at.desc(), session_chats::session_id))
        .select((
            session_chats::chat_key,
            session_chats::listed_id,
            session_chats::listed_type,
            (session_chats::session_id, session_chats::active_at, session_chats::is_unread),
        ))
        .load(connection)?)
}

/// Inserts the rows of chats that have none. Returns those that no concurrent transaction has inserted.
fn insert(connection: &mut Connection, org: OrgId, chats: &[Held]) -> StoreResult<BTreeSet<i64>> {
    if chats.is_empty() {
        return Ok(BTreeSet::new());
    }
    let inserted: Vec<i64> = insert_rows!(org, chat_activity, chats, |chat| {
        chat_key: chat.chat_key,
        listed_id: chat.listed_id.as_deref().unwrap_or_default(),
        listed_type: chat.listed_type.as_deref().unwrap_or_default(),
        session_id: chat.newest.session,
        active_at: chat.newest.active_at,
        is_unread: chat.newest.is_unread,
    })
    .on_conflict_do_nothing()
    .returning(chat_activity::chat_key)
    .get_results(connection)?;
    Ok(inserted.into_iter().collect())
}

fn update(connection: &mut Connection, org: OrgId, chats: &[Held]) -> StoreResult<()> {
    if chats.is_empty() {
        return Ok(());
    }
    let update = update_rows!(org, chat_activity, chats, |chat| { chat_key: chat.chat_key } set {
        session_id: chat.newest.session,
        active_at: chat.newest.active_at,
        is_unread: chat.newest.is_unread,
    });
    update.execute(connection)?;
    Ok(())
}
