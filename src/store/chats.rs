//! Chats as an organization shares them, read together with what the selected number knows.

use std::sync::Arc;

use diesel::deserialize::{self, FromSql};
use diesel::dsl::now;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Record, Text};

use super::json::Json;
use super::message_views::MessageView;
use super::schema::{chat_addresses, chats, members, session_chats, sessions};
use super::views::{chat_views, message_views};
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;
use crate::json_value::{JsonObject, JsonValue};

/// Which chat, and through which number.
#[derive(Clone, Debug)]
pub struct ChatSelector {
    /// Any address of the chat.
    pub address: ChatAddress,
    /// The number; `None` for the one with the newest activity in the chat.
    pub number: Option<PhoneSelector>,
    /// The only sessions to look through; `None` for all of the organization's.
    pub sessions: Option<Arc<[SessionId]>>,
}

/// A chat as one of the organization's numbers sees it.
#[derive(Clone, Debug)]
pub struct ChatView {
    /// What all numbers share.
    pub shared: SharedChat,
    /// What the number knows.
    pub held: HeldChat,
    /// The number, in digits.
    pub phone: String,
    /// Whether the mute lies in the future, by the database's clock; `None` when there is none.
    pub is_muted: Option<bool>,
    /// The newest message.
    pub latest_message: Option<MessageView>,
}

/// What all numbers of the organization share about a chat. Texts go out as they were stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = chat_views, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of chat_views, described there
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
    pub assigned_to: Option<String>,
    pub org_phones: Vec<String>,
    pub members: Vec<MemberView>,
    pub common_chats: Vec<String>,
    /// Label id and name.
    pub labels: Vec<(String, String)>,
    /// Email and whether the chat is open to the member.
    pub access: Vec<(String, bool)>,
    /// Property id and value.
    pub properties: Vec<(String, Json<JsonValue>)>,
}

/// A row of `chat_views` as a value.
pub(super) type SharedColumns = Record<chat_views::SqlType>;

impl FromSql<SharedColumns, Pg> for SharedChat {
    #[rustfmt::skip] // in the order of the view
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (
            _, _, chat_id, type_, name, image, description, invite_link, info_admins_only, messages_admins_only,
            add_members_admins_only, member_add_mode, hubspot_metadata, closed_at, created_at, updated_at,
            assigned_to, org_phones, members, common_chats, labels, access, properties,
        ): (
            OrgId, i64, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
        ) = FromSql::<SharedColumns, Pg>::from_sql(value)?;
        Ok(Self {
            chat_id, type_, name, image, description, invite_link, info_admins_only, messages_admins_only,
            add_members_admins_only, member_add_mode, hubspot_metadata, closed_at, created_at, updated_at,
            assigned_to, org_phones, members, common_chats, labels, access, properties,
        })
    }
}

/// What one number knows about a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = session_chats, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of session_chats, described there
pub struct HeldChat {
    pub archived: bool,
    pub pinned: bool,
    pub exited: bool,
    pub unread: Option<i32>,
}

/// A member of a chat, with what is known of the contact.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // the columns of chat_members and contacts, described there
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

/// Chats by their addresses, as each number holds them.
macro_rules! held {
    () => {
        chat_addresses::table
            .inner_join(
                session_chats::table.on(session_chats::org_id
                    .eq(chat_addresses::org_id)
                    .and(session_chats::chat_key.eq(chat_addresses::chat_key))),
            )
            .inner_join(
                sessions::table.on(sessions::org_id
                    .eq(session_chats::org_id)
                    .and(sessions::session_id.eq(session_chats::session_id))),
            )
    };
}

/// The chat as the selected number sees it; `None` when that number does not hold it. One statement.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Option<ChatView>> {
    let latest_message = message_views::org_id
        .eq(session_chats::org_id)
        .and(message_views::session_id.eq(session_chats::session_id))
        .and(message_views::chat_key.eq(session_chats::chat_key))
        .and(message_views::message_id.nullable().eq(session_chats::latest_message_id));
    let held = held!()
        .inner_join(
            chat_views::table.on(chat_views::org_id
                .eq(chat_addresses::org_id)
                .and(chat_views::chat_key.eq(chat_addresses::chat_key))),
        )
        .left_join(message_views::table.on(latest_message))
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(&selector.address))
        .select((
            SharedChat::as_select(),
            HeldChat::as_select(),
            sessions::phone,
            session_chats::muted_until.gt(now),
            Option::<MessageView>::as_select(),
        ));
    // Typed statements are prepared once per connection and named by their type, so each selection is a type of its
    // own; a boxed query would be written out and looked up as text at every call.
    macro_rules! first_reachable {
        ($query:expr) => {
            match &selector.sessions {
                None => $query.first(connection),
                Some(reachable) => {
                    $query.filter(session_chats::session_id.eq_any(reachable.iter())).first(connection)
                }
            }
        };
    }
    let newest = (session_chats::last_message_at.desc().nulls_last(), session_chats::session_id);
    let row = match &selector.number {
        None => first_reachable!(held.order(newest)),
        Some(PhoneSelector::Phone(phone)) => first_reachable!(held.filter(sessions::phone.eq(phone))),
        Some(PhoneSelector::PhoneId(id)) => first_reachable!(held.filter(sessions::phone_id.eq(id))),
    };
    Ok(row.optional()?.map(|(shared, held, phone, is_muted, latest_message)| ChatView {
        shared,
        held,
        phone,
        is_muted,
        latest_message,
    }))
}

/// The session of the selected number, or of the one with the newest activity in the chat; `None` when it does not hold
/// the chat.
pub fn holder(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Option<SessionId>> {
    let mut held = held!()
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(&selector.address))
        .select(session_chats::session_id)
        .into_boxed::<Pg>();
    match &selector.number {
        None => {}
        Some(PhoneSelector::Phone(phone)) => held = held.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => held = held.filter(sessions::phone_id.eq(id)),
    }
    if let Some(reachable) = &selector.sessions {
        held = held.filter(session_chats::session_id.eq_any(reachable.iter()));
    }
    let newest = (session_chats::last_message_at.desc().nulls_last(), session_chats::session_id);
    Ok(held.order(newest).first(connection).optional()?)
}

/// A chat whose row is locked until the transaction ends.
#[derive(Debug, Queryable)]
pub struct LockedChat {
    /// The chat inside this database.
    pub key: i64,
    /// The member it is assigned to.
    pub assignee: Option<String>,
}

/// Locks the chat against other changes of what the organization attached to it. References to it go on.
pub fn lock(
    connection: &mut Connection,
    org: OrgId,
    address: &ChatAddress,
) -> StoreResult<Option<LockedChat>> {
    let key = chat_addresses::table
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(address))
        .select(chat_addresses::chat_key);
    Ok(chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.nullable().eq(key.single_value()))
        .select((chats::chat_key, chats::assignee))
        .for_no_key_update()
        .first(connection)
        .optional()?)
}

/// Whether there is such a member. Its row is kept from being deleted until the transaction ends.
pub fn is_member(connection: &mut Connection, org: OrgId, member_key: &str) -> StoreResult<bool> {
    let member: Option<String> = members::table
        .filter(members::org_id.eq(org))
        .filter(members::member_key.eq(member_key))
        .select(members::member_key)
        .for_key_share()
        .first(connection)
        .optional()?;
    Ok(member.is_some())
}

diesel::define_sql_function! {
    /// The present moment, not the transaction's start: a call that waited for the lock is the later one.
    fn clock_timestamp() -> Timestamptz;
}

/// Stores who the chat is assigned to, and that it changed now.
pub fn touch(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    assignee: Option<&str>,
) -> StoreResult<()> {
    let chat = chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.eq(chat_key));
    diesel::update(chat)
        .set((chats::assignee.eq(assignee), chats::updated_at.eq(clock_timestamp())))
        .execute(connection)?;
    Ok(())
}
