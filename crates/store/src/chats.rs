//! Chats: the data an organization shares about them, read together with one session's state.

use std::collections::BTreeMap;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Record, Text};

use super::chat_selector::ChatSelector;
use super::connection::{Connection, StoreResult};
use super::events::{EventKind, FieldChanges};
use super::json::Json;
use super::message_views::MessageView;
use super::org_rows::{org_rows, same_chat};
use super::prepared::prepared;
use super::schema::{chat_addresses, chats, members, session_chats, sessions};
use super::touch::touched;
use super::transaction::Transaction;
use super::views::chat_views;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;
use switchboard_proto::json_value::{JsonObject, JsonValue};

/// A chat with the state it has in one session.
#[derive(Clone, Debug)]
pub struct ChatView {
    /// The data all sessions share. In a list, it has the first 100 members by contact id.
    pub shared: SharedChat,
    /// The session's state.
    pub held: HeldChat,
    /// The session's phone number, in digits.
    pub phone: String,
    /// Whether `muted_until` is in the future by the database's clock; `None` when it is not set.
    pub is_muted: Option<bool>,
    /// The newest message.
    pub latest_message: Option<MessageView>,
}

impl ChatView {
    /// Leaves what the session itself knows.
    pub fn hide_shared(&mut self) {
        let SharedChat { chat_id, type_, updated_at, .. } = &self.shared;
        self.shared = SharedChat {
            chat_id: chat_id.clone(),
            type_: type_.clone(),
            name: None,
            image: None,
            description: None,
            invite_link: None,
            info_admins_only: None,
            messages_admins_only: None,
            add_members_admins_only: None,
            member_add_mode: None,
            hubspot_metadata: Json(JsonObject::default()),
            closed_at: None,
            created_at: None,
            updated_at: *updated_at,
            member_count: 0,
            assigned_to: None,
            org_phones: vec![format!("{}@c.us", self.phone)],
            members: Vec::new(),
            common_chats: Vec::new(),
            labels: Vec::new(),
            access: Vec::new(),
            properties: Vec::new(),
        };
    }
}

/// The data that all sessions of the organization share about a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = chat_views, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of chat_views, documented in the migrations
pub struct SharedChat {
    pub chat_id: String,
    pub type_: String,
    pub name: Option<String>,
    pub image: Option<String>,
    pub description: Option<String>,
    pub invite_link: Option<String>,
    pub info_admins_only: Option<bool>,
    pub messages_admins_only: Option<bool>,
    pub add_members_admins_only: Option<bool>,
    pub member_add_mode: Option<String>,
    pub hubspot_metadata: Json<JsonObject>,
    pub closed_at: Option<Instant>,
    pub created_at: Option<Instant>,
    pub updated_at: Instant,
    pub member_count: i64,
    pub assigned_to: Option<String>,
    pub org_phones: Vec<String>,
    pub members: Vec<MemberView>,
    pub common_chats: Vec<String>,
    /// Label id and name.
    pub labels: Vec<(String, String)>,
    /// Email and whether the member may see the chat.
    pub access: Vec<(String, bool)>,
    /// Property id and value.
    pub properties: Vec<(String, Json<JsonValue>)>,
}

/// The state of a chat in one session.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = session_chats, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of session_chats, documented in the migrations
pub struct HeldChat {
    pub archived: bool,
    pub pinned: bool,
    pub exited: bool,
    pub unread: Option<i32>,
}

/// A member of a chat, with the contact's data.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // columns of chat_members and contacts, documented in the migrations
pub struct MemberView {
    pub contact_id: String,
    pub name: Option<String>,
    pub color: Option<String>,
    pub image: Option<String>,
    pub is_internal: bool,
    pub is_admin: bool,
    pub is_super_admin: bool,
}

type MemberColumns = Record<(Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Bool, Bool, Bool)>;

impl FromSql<MemberColumns, Pg> for MemberView {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (contact_id, name, color, image, is_internal, is_admin, is_super_admin) =
            FromSql::<MemberColumns, Pg>::from_sql(value)?;
        Ok(Self { contact_id, name, color, image, is_internal, is_admin, is_super_admin })
    }
}

/// Chat addresses joined with the sessions that hold their chats.
macro_rules! held {
    () => {
        chat_addresses::table
            .inner_join(session_chats::table.on(same_chat!(session_chats, chat_addresses)))
            .inner_join(
                sessions::table.on(sessions::org_id
                    .eq(session_chats::org_id)
                    .and(sessions::session_id.eq(session_chats::session_id))),
            )
    };
}

/// The order in which sessions are preferred when none is selected: newest activity first.
macro_rules! newest_activity {
    () => {
        (session_chats::last_message_at.desc().nulls_last(), session_chats::session_id)
    };
}

pub(super) use {held, newest_activity};

/// The selected session; `None` when it does not hold the chat.
pub fn find_session(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Option<SessionId>> {
    // A value of its own, so that the other tables are looked up by it, whatever the planner's statistics.
    let key = org_rows!(chat_addresses, org, address = &selector.address).select(chat_addresses::chat_key);
    let own =
        sessions::org_id.eq(session_chats::org_id).and(sessions::session_id.eq(session_chats::session_id));
    let mut held = org_rows!(session_chats, org)
        .filter(session_chats::chat_key.nullable().eq(key.single_value()))
        .inner_join(sessions::table.on(own))
        .filter(is_visible!(session_chats, org, selector.viewer.as_deref().unwrap_or_default()))
        .select(session_chats::session_id)
        .into_boxed::<Pg>();
    match &selector.phone {
        None => {}
        Some(PhoneSelector::Phone(phone)) => held = held.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => held = held.filter(sessions::phone_id.eq(id)),
    }
    if let Some(sessions) = &selector.sessions {
        held = held.filter(session_chats::session_id.eq_any(sessions.iter()));
    }
    Ok(held.order(newest_activity!()).first(connection).optional()?)
}

/// The canonical address of a chat that the session holds.
pub fn canonical(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Option<ChatAddress>> {
    Ok(chat_addresses::table
        .inner_join(session_chats::table.on(same_chat!(session_chats, chat_addresses)))
        .inner_join(chats::table.on(same_chat!(chats, chat_addresses)))
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(address))
        .filter(session_chats::session_id.eq(session))
        .select(chats::chat_id)
        .first(connection)
        .optional()?)
}

/// A chat whose row is locked until the transaction ends.
#[derive(Debug, Queryable)]
pub struct LockedChat {
    /// The chat's key in this database.
    pub key: i64,
    /// Key of the member it is assigned to.
    pub assignee: Option<String>,
    /// That member's email.
    assignee_email: Option<String>,
}

/// The email of the member that a chat is assigned to.
macro_rules! assignee_email {
    ($org:expr) => {
        members::table
            .filter(members::org_id.eq($org))
            .filter(members::member_key.nullable().eq(chats::assignee))
            .select(members::email)
            .single_value()
    };
}

/// Locks the chat FOR NO KEY UPDATE, against concurrent changes of what the organization attached to it.
pub fn lock(
    connection: &mut Connection,
    org: OrgId,
    address: &ChatAddress,
) -> StoreResult<Option<LockedChat>> {
    let key = org_rows!(chat_addresses, org, address = address).select(chat_addresses::chat_key);
    Ok(org_rows!(chats, org)
        .filter(chats::chat_key.nullable().eq(key.single_value()))
        .select((chats::chat_key, chats::assignee, assignee_email!(org)))
        .for_no_key_update()
        .first(connection)
        .optional()?)
}

/// Sets the locked chat's assignee and `updated_at`.
pub fn set_assignee(tx: &mut Transaction<'_>, chat: &LockedChat, assignee: Option<&str>) -> StoreResult<()> {
    let update = diesel::update(org_rows!(chats, tx.org(), chat_key = chat.key))
        .set((chats::assignee.eq(assignee), chats::updated_at.eq(touched!(chats::updated_at))))
        .returning(assignee_email!(tx.org()));
    let email: Option<String> = prepared(update).get_result(&mut **tx)?;
    let changes = FieldChanges::default().field("assignee", &chat.assignee_email, &email);
    tx.record_changes(chat.key, None, EventKind::Assignee, changes);
    Ok(())
}

/// Sets when the locked chat was closed, and its `updated_at`.
pub fn set_closed_at(
    tx: &mut Transaction<'_>,
    chat: &LockedChat,
    before: Option<Instant>,
    closed_at: Option<Instant>,
) -> StoreResult<()> {
    let update = diesel::update(org_rows!(chats, tx.org(), chat_key = chat.key))
        .set((chats::closed_at.eq(closed_at), chats::updated_at.eq(touched!(chats::updated_at))));
    prepared(update.returning(chats::chat_key)).get_result::<i64>(&mut **tx)?;
    let changes = FieldChanges::default().field("closed_at", &before, &closed_at);
    tx.record_changes(chat.key, None, EventKind::Details, changes);
    Ok(())
}

/// Unassigns every chat of a member, whose row is locked, and touches these chats.
pub(super) fn unassign(tx: &mut Transaction<'_>, member_key: &str, email: &str) -> StoreResult<()> {
    let unassigned: Vec<i64> = diesel::update(org_rows!(chats, tx.org(), assignee = member_key))
        .set((chats::assignee.eq(None::<String>), chats::updated_at.eq(touched!(chats::updated_at))))
        .returning(chats::chat_key)
        .get_results(&mut **tx)?;
    for chat_key in unassigned {
        let changes = FieldChanges::default().field("assignee", &Some(email), &None);
        tx.record_changes(chat_key, None, EventKind::Assignee, changes);
    }
    Ok(())
}

/// The emails of members by their keys.
pub(super) fn emails(
    connection: &mut Connection,
    org: OrgId,
    member_keys: &[&str],
) -> StoreResult<BTreeMap<String, String>> {
    let rows: Vec<(String, String)> = org_rows!(members, org)
        .filter(members::member_key.eq_any(member_keys))
        .select((members::member_key, members::email))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}
