//! Change events: an outbox, filled in the transaction of a change.

mod changes;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

pub use self::changes::{FieldChanges, FieldValue};
pub(super) use self::write::insert;
pub use self::write::{EventKind, NewEvent};

use super::connection::{Connection, StoreResult};
use super::json::Json;
use super::lists::phone_arguments;
use super::org_rows::{org_rows, same_chat};
use super::schema::{chat_addresses, events, orgs, session_chats, sessions};
use super::views::{event_head, event_views};
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;
use crate::json_value::JsonValue;

/// The NOTIFY channel that announces new events to other instances.
pub const CHANNEL: &str = "switchboard_events";

diesel::define_sql_function! {
    /// Notifies the listeners of a channel. Returns void, for which diesel has no type.
    fn pg_notify(channel: Text, payload: Text) -> Text;
}

/// The previous and current values of the changed fields, as they were recorded.
pub type Changes = BTreeMap<String, (JsonValue, JsonValue)>;

/// A change of a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct ChangeEvent {
    /// Order of writing.
    pub event_id: i64,
    /// When the change was made.
    pub at: Instant,
    /// The canonical address of the chat; `None` when it is no longer stored.
    pub chat_id: Option<ChatAddress>,
    /// The session whose view changed; `None` for a change that all sessions share.
    pub session_id: Option<SessionId>,
    /// The session's phone number in digits; `None` when the session is deleted.
    pub phone: Option<String>,
    /// The name of an [`EventKind`].
    pub kind: String,
    /// The principal that made the change.
    pub actor: String,
    /// The fields that changed.
    pub changes: Json<Changes>,
}

/// A change event with the current attributes of its chat by which it is filtered.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct RoutableEvent {
    /// The organization.
    pub org_id: OrgId,
    /// The chat.
    pub chat_key: i64,
    /// The change.
    #[diesel(embed)]
    pub event: ChangeEvent,
    /// The sessions that hold the chat.
    pub held_by: Vec<SessionId>,
    /// The labels of the chat.
    pub label_ids: Vec<String>,
    /// Email of the member the chat is assigned to.
    pub assigned_to: Option<String>,
}

impl RoutableEvent {
    /// Whether the change is of one of these sessions, or of a chat that one of them holds.
    pub fn concerns(&self, sessions: &[SessionId]) -> bool {
        match self.event.session_id {
            Some(session) => sessions.contains(&session),
            None => self.held_by.iter().any(|session| sessions.contains(session)),
        }
    }
}

/// The end of the event log: a safe position once all `writers` have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHead {
    /// The last event id that was assigned.
    pub last: i64,
    /// A moment before `last` was read.
    pub at: Instant,
    /// Open transactions that may still commit events up to `last`.
    pub writers: Vec<String>,
}

/// Selects entries of a chat's audit log. Every condition that is set must hold.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Any address of the chat.
    pub address: ChatAddress,
    /// The session that holds the chat, and whose own changes count; `None` for all.
    pub phone: Option<PhoneSelector>,
    /// The principal that made the change.
    pub actor: Option<String>,
    /// The name of an [`EventKind`].
    pub kind: Option<String>,
    /// Inclusive start of the time range.
    pub from: Option<Instant>,
    /// Exclusive end of the time range.
    pub before: Option<Instant>,
    /// Exclusive upper bound of the event id.
    pub older_than: Option<i64>,
    /// The sessions that the caller may access; `None` for all.
    pub sessions: Option<Arc<[SessionId]>>,
}

/// A comparison that holds for every row when the value is `None`.
macro_rules! if_set {
    ($value:expr, $sql:ty, $column:expr, $compare:ident) => {
        $value.clone().into_sql::<Nullable<$sql>>().is_null().or($column.nullable().$compare($value.clone()))
    };
}

/// At most `limit` events of the chat, newest first.
/// `None` when no selected session holds the chat.
pub fn of_chat(
    connection: &mut Connection,
    org: OrgId,
    query: &AuditQuery,
    limit: i64,
) -> StoreResult<Option<Vec<ChangeEvent>>> {
    let (phone, phone_id) = phone_arguments(query.phone.as_ref());
    macro_rules! rows {
        ($is_allowed:expr) => {{
            let selected_sessions = || {
                org_rows!(sessions, org)
                    .filter($is_allowed)
                    .filter(if_set!(phone, Text, sessions::phone, eq))
                    .filter(if_set!(phone_id, Text, sessions::phone_id, eq))
                    .select(sessions::session_id.nullable())
            };
            let holders = session_chats::table
                .filter(same_chat!(session_chats, chat_addresses))
                .filter(session_chats::session_id.nullable().eq_any(selected_sessions()));
            let is_selected = event_views::session_id.eq_any(selected_sessions());
            let selected = same_chat!(event_views, chat_addresses)
                .and(event_views::session_id.is_null().or(is_selected))
                .and(if_set!(query.actor, Text, event_views::actor, eq))
                .and(if_set!(query.kind, Text, event_views::kind, eq))
                .and(if_set!(query.from, Timestamptz, event_views::at, ge))
                .and(if_set!(query.before, Timestamptz, event_views::at, lt))
                .and(if_set!(query.older_than, BigInt, event_views::event_id, lt));
            // Starts from the chat, so that one statement distinguishes a missing chat from a chat without events.
            chat_addresses::table
                .left_join(event_views::table.on(selected))
                .filter(chat_addresses::org_id.eq(org))
                .filter(chat_addresses::address.eq(&query.address))
                .filter(exists(holders))
                .order(event_views::event_id.nullable().desc().nulls_last())
                .limit(limit)
                .select(Option::<ChangeEvent>::as_select())
                .load(connection)?
        }};
    }
    let rows: Vec<Option<ChangeEvent>> = match &query.sessions {
        None => rows!(sessions::org_id.eq(org)),
        Some(allowed) => rows!(sessions::session_id.eq_any(allowed.to_vec())),
    };
    Ok((!rows.is_empty()).then(|| rows.into_iter().flatten().collect()))
}

/// Announces new events to other instances; the payload names the sender.
///
/// Must run in a transaction that writes nothing, so that it does not wait for the disk.
pub fn notify(connection: &mut Connection, instance: &str) -> StoreResult<()> {
    diesel::select(pg_notify(CHANNEL, instance)).execute(connection)?;
    Ok(())
}

/// The current end of the event query.
pub fn head(connection: &mut Connection) -> StoreResult<EventHead> {
    let (last, at, writers) = event_head::table
        .select((event_head::last, event_head::at, event_head::writers))
        .first(connection)?;
    Ok(EventHead { last, at, writers })
}

/// At most `limit` events with ids above `after` and up to `last`, in order.
/// Of all organizations when `org` is `None`.
pub fn after(
    connection: &mut Connection,
    org: Option<OrgId>,
    after: i64,
    last: i64,
    limit: i64,
) -> StoreResult<Vec<RoutableEvent>> {
    macro_rules! load {
        ($scope:expr) => {
            event_views::table
                .filter($scope)
                .filter(event_views::event_id.gt(after))
                .filter(event_views::event_id.le(last))
                .order(event_views::event_id)
                .limit(limit)
                .select(RoutableEvent::as_select())
                .load(connection)?
        };
    }
    Ok(match org {
        None => load!(event_views::of_any_org),
        Some(org) => load!(event_views::org_id.eq(org)),
    })
}

/// The organization's events with these ids that are still stored.
pub fn by_ids(connection: &mut Connection, org: OrgId, ids: &[i64]) -> StoreResult<Vec<ChangeEvent>> {
    Ok(org_rows!(event_views, org)
        .filter(event_views::event_id.eq_any(ids))
        .select(ChangeEvent::as_select())
        .load(connection)?)
}

/// The events older than the retention among the `limit` oldest.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, i64)>> {
    // Ids are assigned in order of time, so the oldest events come first, and no other rows are read.
    let oldest: Vec<(OrgId, i64, bool)> = event_views::table
        .filter(event_views::of_any_org)
        .order(event_views::event_id)
        .limit(limit)
        .select((
            event_views::org_id,
            event_views::event_id,
            event_views::at.lt(now.into_sql::<Timestamptz>() - interval(retention)),
        ))
        .load(connection)?;
    Ok(oldest.into_iter().filter(|(.., is_old)| *is_old).map(|(org, event, _)| (org, event)).collect())
}

/// Deletes these events of the organization, and stores the largest deleted id.
pub fn delete(connection: &mut Connection, org: OrgId, ids: &[i64]) -> StoreResult<()> {
    let deleted = org_rows!(events, org).filter(events::event_id.eq_any(ids));
    diesel::delete(deleted).execute(connection)?;
    let last = ids.iter().copied().max().unwrap_or_default();
    let earlier = orgs::table.find(org).filter(orgs::events_removed_up_to.lt(last));
    diesel::update(earlier).set(orgs::events_removed_up_to.eq(last)).execute(connection)?;
    Ok(())
}

/// The largest event id of the organization that was deleted; 0 for none.
pub fn removed_up_to(connection: &mut Connection, org: OrgId) -> StoreResult<i64> {
    Ok(orgs::table.find(org).select(orgs::events_removed_up_to).first(connection)?)
}

/// A duration as a PostgreSQL interval.
pub(super) fn interval(duration: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}
