//! Statements of export for chats, a page at a time.

use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;

use crate::chats::SharedChat;
use crate::connection::{Connection, StoreResult};
use crate::ingest::{FieldTimes, Json};
use crate::notes::NoteRow;
use crate::org_rows::{org_rows, same_chat};
use crate::schema::{chats, notes, session_chats};
use crate::views::chat_views;
use switchboard_core::ids::{OrgId, SessionId};
use switchboard_core::instant::Instant;

/// A chat with everything that all sessions share.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = chats, check_for_backend(Pg))]
pub struct ExportedChat {
    /// Its key in this database.
    pub chat_key: i64,
    /// The chat's own name; `shared` has that of its contact, if any.
    pub name: Option<String>,
    /// The chat's own image; `shared` has that of its contact, if any.
    pub image: Option<String>,
    /// When each field was last reported.
    pub field_times: Json<FieldTimes>,
    /// When each member changed after the list of members was reported.
    pub member_times: Json<FieldTimes>,
    /// What responses show of it.
    #[diesel(embed)]
    pub shared: SharedChat,
}

/// A session's view of a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = session_chats, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of session_chats, described there
pub struct SessionChatRow {
    pub session_id: SessionId,
    pub chat_key: i64,
    pub archived: bool,
    pub pinned: bool,
    pub exited: bool,
    pub muted_until: Option<Instant>,
    pub read_up_to: Option<Instant>,
    pub field_times: Json<FieldTimes>,
}

/// The chats after that key, in the order of their keys; with a session, only those it has.
pub fn chats_after(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<ExportedChat>> {
    let mut page = chats::table
        .inner_join(chat_views::table.on(same_chat!(chat_views, chats)))
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.gt(after))
        .into_boxed::<Pg>();
    if let Some(session) = only {
        let own = org_rows!(session_chats, org, session_id = session)
            .filter(session_chats::chat_key.eq(chats::chat_key));
        page = page.filter(exists(own));
    }
    Ok(page.order(chats::chat_key).limit(limit).select(ExportedChat::as_select()).load(connection)?)
}

/// The notes about these chats, each with the key of its chat.
pub fn notes(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<(i64, NoteRow)>> {
    let of_chats = org_rows!(notes, org).filter(notes::chat_key.eq_any(keys));
    let order = (notes::chat_key, notes::created_at, notes::note_id);
    Ok(of_chats.order(order).select((notes::chat_key, NoteRow::as_select())).load(connection)?)
}

/// The views of these chats; with a session, only its own.
pub fn session_chats(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
    keys: &[i64],
) -> StoreResult<Vec<SessionChatRow>> {
    let of_chats = org_rows!(session_chats, org).filter(session_chats::chat_key.eq_any(keys));
    let mut views = of_chats.into_boxed::<Pg>();
    if let Some(session) = only {
        views = views.filter(session_chats::session_id.eq(session));
    }
    let order = (session_chats::chat_key, session_chats::session_id);
    Ok(views.order(order).select(SessionChatRow::as_select()).load(connection)?)
}
