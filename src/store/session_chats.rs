//! Chats as one session sees them.

use diesel::dsl::{exists, not, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{chat_addresses, chats, contacts, session_chats, sessions};
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;

/// What a look for a session's chat found.
#[derive(Debug)]
pub enum Found {
    /// The organization has no such session.
    NoSession,
    /// The session holds no such chat.
    NoChat,
    /// The chat.
    Chat(SessionChatView),
}

/// A chat as one session sees it.
#[derive(Clone, Debug)]
pub struct SessionChatView {
    /// What the number knows.
    pub held: HeldSessionChat,
    /// The chat's own address.
    pub address: ChatAddress,
    /// A person's name is the contact's, a group's its own.
    pub name: Option<String>,
}

/// What one number knows about a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = session_chats, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of session_chats, described there
pub struct HeldSessionChat {
    pub id: i64,
    pub archived: bool,
    pub pinned: bool,
    pub muted_until: Option<Instant>,
    pub unread: Option<i32>,
    pub last_message_at: Option<Instant>,
}

/// The chat as that session sees it. One statement, which also tells a missing session from a missing chat.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Found> {
    type Row = (Option<HeldSessionChat>, Option<ChatAddress>, Option<String>, Option<String>);
    let held = session_chats::org_id
        .eq(sessions::org_id)
        .and(session_chats::session_id.eq(sessions::session_id))
        .and(session_chats::chat_key.nullable().eq(chat_addresses::chat_key.nullable()));
    let row: Option<Row> = sessions::table
        .left_join(
            chat_addresses::table.on(chat_addresses::org_id
                .eq(sessions::org_id)
                .and(chat_addresses::address.eq(address.clone()))), // diesel's joins own what they bind
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

/// What changes of a chat; `None` leaves a column alone.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = session_chats)]
pub struct SessionChatChange {
    /// Whether the number has archived it.
    pub archived: Option<bool>,
    /// Whether the number has pinned it.
    pub pinned: Option<bool>,
    /// Until when it is muted; `Some(None)` unmutes.
    pub muted_until: Option<Option<Instant>>,
}

/// The row of a chat that a session holds, by any of its addresses.
macro_rules! held_at {
    ($org:expr, $session:expr, $address:expr) => {
        session_chats::table
            .filter(session_chats::org_id.eq($org))
            .filter(session_chats::session_id.eq($session))
            .filter(
                session_chats::chat_key.nullable().eq(chat_addresses::table
                    .filter(chat_addresses::org_id.eq($org))
                    .filter(chat_addresses::address.eq($address))
                    .select(chat_addresses::chat_key)
                    .single_value()),
            )
    };
}
pub(super) use held_at;

/// Keeps others from changing the chat until the transaction ends.
pub fn lock(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<()> {
    let _: Option<i64> = held_at!(org, session, address)
        .select(session_chats::chat_key)
        .for_no_key_update()
        .first(connection)
        .optional()?;
    Ok(())
}

/// Writes the columns that change, and that they were told.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    change: &SessionChatChange,
) -> StoreResult<()> {
    let told = |is_told: bool| is_told.into_sql::<Bool>();
    diesel::update(held_at!(org, session, address))
        .set((
            change,
            session_chats::archived_told.eq(session_chats::archived_told.or(told(change.archived.is_some()))),
            session_chats::pinned_told.eq(session_chats::pinned_told.or(told(change.pinned.is_some()))),
            session_chats::mute_told.eq(session_chats::mute_told.or(told(change.muted_until.is_some()))),
            session_chats::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Locks the whole chat, so that no session begins or stops holding it until the transaction ends. Answers its key.
pub fn lock_whole(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Option<i64>> {
    let key = chat_addresses::table
        .inner_join(
            session_chats::table.on(session_chats::org_id
                .eq(chat_addresses::org_id)
                .and(session_chats::chat_key.eq(chat_addresses::chat_key))),
        )
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(address))
        .filter(session_chats::session_id.eq(session))
        .select(chat_addresses::chat_key);
    Ok(chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.nullable().eq(key.single_value()))
        .select(chats::chat_key)
        .for_update()
        .first(connection)
        .optional()?)
}

/// Removes the chat and its messages from what the session holds. Says whether there was something to remove.
pub fn delete(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_key: i64,
) -> StoreResult<bool> {
    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::session_id.eq(session))
        .filter(session_chats::chat_key.eq(chat_key));
    Ok(diesel::delete(held).execute(connection)? > 0)
}

/// Removes what the organization attached to a chat that no session holds any more. The chat is locked before.
pub fn delete_unheld(connection: &mut Connection, org: OrgId, chat_key: i64) -> StoreResult<()> {
    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq(chat_key));
    let chat = chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.eq(chat_key))
        .filter(not(exists(held)));
    diesel::delete(chat).execute(connection)?;
    Ok(())
}
