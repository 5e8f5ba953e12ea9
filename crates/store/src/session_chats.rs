//! The state of chats in one session.

use std::collections::BTreeMap;

use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde_json::json;

use super::connection::{Connection, StoreResult};
use super::ingest::add_deletions;
use super::list_counts::List;
use super::media;
use super::org_rows::{org_rows, same_chat};
use super::prepared::prepared;
use super::schema::{chat_addresses, chats, contacts, messages, session_chats, sessions};
use super::session_chat_state::{SessionChatState, record_update, state_columns};
use super::transaction::Transaction;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// The result of [`find`].
#[derive(Debug)]
pub enum Found {
    /// The organization has no such session.
    NoSession,
    /// The session holds no such chat.
    NoChat,
    /// The chat.
    Chat(SessionChatView),
}

/// A chat with the state it has in one session.
#[derive(Clone, Debug)]
pub struct SessionChatView {
    /// The session's state.
    pub held: HeldSessionChat,
    /// The chat's canonical address.
    pub address: ChatAddress,
    /// The contact's name if there is one, otherwise the chat's.
    pub name: Option<String>,
}

/// The state of a chat in one session.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = session_chats, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of session_chats, documented in the migrations
pub struct HeldSessionChat {
    pub id: i64,
    pub archived: bool,
    pub pinned: bool,
    pub muted_until: Option<Instant>,
    pub unread: Option<i32>,
    pub last_message_at: Option<Instant>,
}

/// The chat with the session's state, unless it is hidden from the viewer. One statement, which also distinguishes a missing session from a missing chat.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    viewer: Option<&str>,
) -> StoreResult<Found> {
    type Row = (Option<HeldSessionChat>, Option<ChatAddress>, Option<String>, Option<String>);
    let held = session_chats::org_id
        .eq(sessions::org_id)
        .and(session_chats::session_id.eq(sessions::session_id))
        .and(session_chats::chat_key.nullable().eq(chat_addresses::chat_key.nullable()))
        .and(is_visible!(session_chats, org, viewer.unwrap_or_default().to_owned()));
    let row: Option<Row> = sessions::table
        .left_join(
            chat_addresses::table.on(chat_addresses::org_id
                .eq(sessions::org_id)
                .and(chat_addresses::address.eq(address.clone()))), // diesel's joins own their bound values
        )
        .left_join(session_chats::table.on(held))
        .left_join(
            chats::table.on(chats::org_id
                .eq(sessions::org_id)
                .and(chats::chat_key.nullable().eq(session_chats::chat_key.nullable()))),
        )
        .left_join(
            contacts::table.on(contacts::org_id
                .eq(sessions::org_id)
                .and(contacts::contact_id.nullable().eq(chats::chat_id.nullable()))),
        )
        .filter(sessions::org_id.eq(org))
        .filter(sessions::session_id.eq(session))
        .select((
            Option::<HeldSessionChat>::as_select(),
            chats::chat_id.nullable(),
            chats::name.nullable(),
            contacts::name.nullable(),
        ))
        .first(connection)
        .optional()?;
    Ok(match row {
        None => Found::NoSession,
        Some((Some(held), Some(address), chat_name, contact_name)) => {
            Found::Chat(SessionChatView { held, address, name: contact_name.or(chat_name) })
        }
        Some(_) => Found::NoChat,
    })
}

/// Changes of a chat's state; `None` keeps a column.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = session_chats)]
pub struct SessionChatChange {
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// When its mute ends; `Some(None)` unmutes.
    pub muted_until: Option<Option<Instant>>,
}

/// Locks the chat's row of this session FOR NO KEY UPDATE until the transaction ends. Returns the chat's key.
pub fn lock(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Option<(i64, SessionChatState)>> {
    let chat_key = org_rows!(chat_addresses, org, address = address).select(chat_addresses::chat_key);
    Ok(org_rows!(session_chats, org, session_id = session)
        .filter(session_chats::chat_key.nullable().eq(chat_key.single_value()))
        .select((session_chats::chat_key, state_columns!()))
        .for_no_key_update()
        .first(connection)
        .optional()?)
}

/// Writes the changed columns and marks them as set explicitly. Returns the chat's key; `None` when the session does not
/// hold the chat.
pub fn update(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
    change: &SessionChatChange,
) -> StoreResult<Option<i64>> {
    macro_rules! explicit {
        ($column:ident, $change:ident) => {
            session_chats::$column.eq(session_chats::$column.or(change.$change.is_some().into_sql::<Bool>()))
        };
    }
    let org = tx.org();
    let Some((chat_key, before)) = lock(tx, org, session, address)? else { return Ok(None) };
    // A connector's older report does not undo the change.
    let fields = [
        ("archived", change.archived.is_some()),
        ("pinned", change.pinned.is_some()),
        ("muted_until", change.muted_until.is_some()),
    ];
    let set = fields.into_iter().filter(|(_, is_set)| *is_set);
    let times: BTreeMap<&str, i64> = set.map(|(field, _)| (field, Instant::now().micros())).collect();
    let row = diesel::update(org_rows!(session_chats, org, session_id = session, chat_key = chat_key));
    let update = row.set((
        change,
        session_chats::field_times.eq(session_chats::field_times.concat(json!(times))),
        explicit!(archived_explicit, archived),
        explicit!(pinned_explicit, pinned),
        explicit!(mute_explicit, muted_until),
        session_chats::updated_at.eq(now),
    ));
    prepared(update.returning(session_chats::chat_key)).get_results::<i64>(&mut **tx)?;
    let after = SessionChatState {
        archived: change.archived.unwrap_or(before.archived),
        pinned: change.pinned.unwrap_or(before.pinned),
        muted_until: change.muted_until.unwrap_or(before.muted_until),
        ..before.clone()
    };
    record_update(tx, session, chat_key, &before, &after);
    Ok(Some(chat_key))
}

/// Locks a chat that the session holds FOR UPDATE, so that no session starts or stops holding it. Returns its key.
pub fn lock_chat(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Option<i64>> {
    let key = chat_addresses::table
        .inner_join(session_chats::table.on(same_chat!(session_chats, chat_addresses)))
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(address))
        .filter(session_chats::session_id.eq(session))
        .select(chat_addresses::chat_key);
    Ok(org_rows!(chats, org)
        .filter(chats::chat_key.nullable().eq(key.single_value()))
        .select(chats::chat_key)
        .for_update()
        .first(connection)
        .optional()?)
}

/// Deletes the session's state of these chats with its messages. Returns whether there was any.
pub fn delete(tx: &mut Transaction<'_>, session: SessionId, chat_keys: &[i64]) -> StoreResult<bool> {
    let org = tx.org();
    media::delete_of_chats(tx, org, session, chat_keys)?;
    let sent = org_rows!(messages, org, session_id = session).filter(messages::chat_key.eq_any(chat_keys));
    let messages = diesel::delete(sent).execute(&mut **tx)?;
    tx.count_removed(List::Messages, Some(session), messages);
    let held =
        org_rows!(session_chats, org, session_id = session).filter(session_chats::chat_key.eq_any(chat_keys));
    let detached = diesel::delete(held).returning(HELD).get_results(&mut **tx)?;
    Ok(!record_detached(tx, session, detached).is_empty())
}

/// Keeps messages that were sent until now from bringing the chat back to the session.
pub fn keep_deleted(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_key: i64,
) -> StoreResult<()> {
    // Times of messages are whole seconds.
    let at = Instant::from_micros(Instant::now().micros() / 1_000_000 * 1_000_000);
    let address = org_rows!(chats, org, chat_key = chat_key).select(chats::chat_id).first(connection)?;
    add_deletions(connection, org, &[((session, address), at)])
}

/// Deletes all chats of a session with their messages. Returns the chats.
pub(super) fn delete_all(tx: &mut Transaction<'_>, session: SessionId) -> StoreResult<Vec<i64>> {
    let org = tx.org();
    media::delete_of_session(tx, org, session)?;
    let messages = diesel::delete(org_rows!(messages, org, session_id = session)).execute(&mut **tx)?;
    tx.count_removed(List::Messages, Some(session), messages);
    let held = org_rows!(session_chats, org, session_id = session);
    let detached = diesel::delete(held).returning(HELD).get_results(&mut **tx)?;
    Ok(record_detached(tx, session, detached))
}

/// The chat, and the key by whose reports alone the session holds it.
const HELD: (session_chats::chat_key, session_chats::claimed_by) =
    (session_chats::chat_key, session_chats::claimed_by);

/// Records that the session no longer holds these chats. Returns them.
fn record_detached(
    tx: &mut Transaction<'_>,
    session: SessionId,
    held: Vec<(i64, Option<String>)>,
) -> Vec<i64> {
    tx.count_removed(List::Chats, Some(session), held.len());
    let mut chat_keys = Vec::with_capacity(held.len());
    for (chat_key, claimed_by) in held {
        tx.activity_changed(chat_key);
        tx.record_detached(chat_key, session, claimed_by);
        chat_keys.push(chat_key);
    }
    chat_keys
}
