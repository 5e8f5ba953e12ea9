//! Statements of export for chats, a page at a time.

use std::collections::HashMap;

use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;

use crate::ids::{OrgId, PropertyId, SessionId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{
    chat_access, chat_labels, chat_properties, chats, labels, members, session_chats,
};

/// What all sessions share of a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = chats, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of chats, described there
pub struct SharedChat {
    pub chat_key: i64,
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
    pub assignee: Option<String>,
    pub hubspot_metadata: Value,
    pub closed_at: Option<Instant>,
    pub created_at: Option<Instant>,
    pub updated_at: Instant,
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
}

/// The organization's own data of some chats, by chat.
#[derive(Debug, Default)]
pub struct Attached {
    /// Names of the labels.
    pub labels: HashMap<i64, Vec<String>>,
    /// Values of custom properties.
    pub properties: HashMap<i64, Vec<(PropertyId, Value)>>,
    /// Access of members, by email.
    pub access: HashMap<i64, Vec<(String, bool)>>,
}

/// The chats after that key, in the order of their keys; with a session, only those it has.
pub fn chats_after(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<SharedChat>> {
    let mut page =
        chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.gt(after)).into_boxed::<Pg>();
    if let Some(session) = only {
        let own = session_chats::table
            .filter(session_chats::org_id.eq(org))
            .filter(session_chats::chat_key.eq(chats::chat_key))
            .filter(session_chats::session_id.eq(session));
        page = page.filter(exists(own));
    }
    Ok(page.order(chats::chat_key).limit(limit).select(SharedChat::as_select()).load(connection)?)
}

/// The views of these chats; with a session, only its own.
pub fn session_chats(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
    keys: &[i64],
) -> StoreResult<Vec<SessionChatRow>> {
    let mut views = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .into_boxed::<Pg>();
    if let Some(session) = only {
        views = views.filter(session_chats::session_id.eq(session));
    }
    let order = (session_chats::chat_key, session_chats::session_id);
    Ok(views.order(order).select(SessionChatRow::as_select()).load(connection)?)
}

/// The organization's own data of these chats.
pub fn attached(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Attached> {
    let mut attached = Attached::default();
    let named: Vec<(i64, String)> = chat_labels::table
        .inner_join(
            labels::table
                .on(labels::org_id.eq(chat_labels::org_id).and(labels::label_id.eq(chat_labels::label_id))),
        )
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::chat_key.eq_any(keys))
        .order((chat_labels::chat_key, labels::label_key))
        .select((chat_labels::chat_key, labels::name))
        .load(connection)?;
    for (key, name) in named {
        attached.labels.entry(key).or_default().push(name);
    }
    let values: Vec<(i64, PropertyId, Value)> = chat_properties::table
        .filter(chat_properties::org_id.eq(org))
        .filter(chat_properties::chat_key.eq_any(keys))
        .select((chat_properties::chat_key, chat_properties::property_id, chat_properties::value))
        .load(connection)?;
    for (key, id, value) in values {
        attached.properties.entry(key).or_default().push((id, value));
    }
    let access: Vec<(i64, String, bool)> =
        chat_access::table
            .inner_join(members::table.on(
                members::org_id.eq(chat_access::org_id).and(members::member_key.eq(chat_access::member_key)),
            ))
            .filter(chat_access::org_id.eq(org))
            .filter(chat_access::chat_key.eq_any(keys))
            .select((chat_access::chat_key, members::email, chat_access::allowed))
            .load(connection)?;
    for (key, email, allowed) in access {
        attached.access.entry(key).or_default().push((email, allowed));
    }
    Ok(attached)
}
