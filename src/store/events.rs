//! Events: what changed of which chat, written by triggers in the transaction that changed it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

use super::connection::{Connection, StoreResult};
use super::json::Json;
use super::schema::{chat_addresses, events, orgs, session_chats, sessions};
use super::views::{event_head, event_views};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::json_value::JsonValue;

/// Every kind of change.
pub const KINDS: [&str; 11] = [
    "attached",
    "detached",
    "deleted",
    "details",
    "assignee",
    "labels",
    "properties",
    "access",
    "members",
    "state",
    "messages",
];

/// Where instances tell each other that there are new events.
pub const CHANNEL: &str = "switchboard_events";

diesel::define_sql_function! {
    /// Says something to everyone who listens on the channel. Answers nothing, which diesel has no type for.
    fn pg_notify(channel: Text, payload: Text) -> Text;
}

/// The fields that changed, as the triggers name them, with what they were and what they are.
pub type Changes = BTreeMap<String, (JsonValue, JsonValue)>;

/// A change of a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct ChangeEvent {
    /// Order of writing.
    pub event_id: i64,
    /// When it was changed.
    pub at: Instant,
    /// The chat, as answers spell it; `None` when nothing tells any more.
    pub chat_id: Option<ChatAddress>,
    /// The session it changed for; `None` for what all numbers share.
    pub session_id: Option<SessionId>,
    /// That session's number, in digits; `None` when it is gone.
    pub phone: Option<String>,
    /// One of [`KINDS`].
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// The fields that changed.
    pub changes: Json<Changes>,
}

/// A change, and what there is to choose it by: what the chat is like now.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct RoutableEvent {
    /// The organization.
    pub org_id: OrgId,
    /// The change.
    #[diesel(embed)]
    pub event: ChangeEvent,
    /// The sessions that hold the chat.
    pub held_by: Vec<SessionId>,
    /// The labels it has.
    pub label_ids: Vec<String>,
    /// Email of the member it is assigned to.
    pub assigned_to: Option<String>,
}

/// How far events were written at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHead {
    /// The last number drawn.
    pub last: i64,
    /// The moment before it was looked up.
    pub at: Instant,
    /// Transactions that may still write events up to that number.
    pub writers: Vec<String>,
}

/// Which changes of a chat are looked for: those that pass every filter that is there.
#[derive(Clone, Debug, Default)]
pub struct ChatLog {
    /// Any address of the chat.
    pub address: String,
    /// Who did it.
    pub actor: Option<String>,
    /// One of [`KINDS`].
    pub kind: Option<String>,
    /// Not before.
    pub from: Option<Instant>,
    /// Before.
    pub before: Option<Instant>,
    /// Those with a lesser number.
    pub older_than: Option<i64>,
    /// The only sessions whose own changes are told, and that may hold the chat.
    pub reachable: Option<Arc<[SessionId]>>,
    /// The same by a number in digits.
    pub phone: Option<String>,
    /// The same by a phone id.
    pub phone_id: Option<String>,
}

/// What a filter that is not there lets pass: everything.
macro_rules! unless_given {
    ($value:expr, $sql:ty, $column:expr, $compare:ident) => {
        $value.clone().into_sql::<Nullable<$sql>>().is_null().or($column.nullable().$compare($value.clone()))
    };
}

/// At most that many changes of the chat, newest first. `None` when no session that counts holds the chat.
pub fn of_chat(
    connection: &mut Connection,
    org: OrgId,
    log: &ChatLog,
    limit: i64,
) -> StoreResult<Option<Vec<ChangeEvent>>> {
    macro_rules! rows {
        ($is_reachable:expr) => {{
            let own = || {
                sessions::table
                    .filter(sessions::org_id.eq(org))
                    .filter($is_reachable)
                    .filter(unless_given!(log.phone, Text, sessions::phone, eq))
                    .filter(unless_given!(log.phone_id, Text, sessions::phone_id, eq))
                    .select(sessions::session_id.nullable())
            };
            let holders = session_chats::table
                .filter(session_chats::org_id.eq(chat_addresses::org_id))
                .filter(session_chats::chat_key.eq(chat_addresses::chat_key))
                .filter(session_chats::session_id.nullable().eq_any(own()));
            let told = event_views::org_id
                .eq(chat_addresses::org_id)
                .and(event_views::chat_key.eq(chat_addresses::chat_key))
                .and(event_views::session_id.is_null().or(event_views::session_id.eq_any(own())))
                .and(unless_given!(log.actor, Text, event_views::actor, eq))
                .and(unless_given!(log.kind, Text, event_views::kind, eq))
                .and(unless_given!(log.from, Timestamptz, event_views::at, ge))
                .and(unless_given!(log.before, Timestamptz, event_views::at, lt))
                .and(unless_given!(log.older_than, BigInt, event_views::event_id, lt));
            // From the chat, so that one that is there and one that is not can be told apart in one statement.
            chat_addresses::table
                .left_join(event_views::table.on(told))
                .filter(chat_addresses::org_id.eq(org))
                .filter(chat_addresses::address.eq(&log.address))
                .filter(exists(holders))
                .order(event_views::event_id.nullable().desc().nulls_last())
                .limit(limit)
                .select(Option::<ChangeEvent>::as_select())
                .load(connection)?
        }};
    }
    let rows: Vec<Option<ChangeEvent>> = match &log.reachable {
        None => rows!(sessions::org_id.eq(org)),
        Some(reachable) => rows!(sessions::session_id.eq_any(reachable.to_vec())),
    };
    Ok((!rows.is_empty()).then(|| rows.into_iter().flatten().collect()))
}

/// Tells everyone who listens that there are new events, and who says so. In a transaction that writes nothing, so that it
/// waits for no disk.
pub fn ring(connection: &mut Connection, instance: &str) -> StoreResult<()> {
    diesel::select(pg_notify(CHANNEL, instance)).execute(connection)?;
    Ok(())
}

/// How far events are written now.
pub fn head(connection: &mut Connection) -> StoreResult<EventHead> {
    let (last, at, writers) = event_head::table
        .select((event_head::last, event_head::at, event_head::writers))
        .first(connection)?;
    Ok(EventHead { last, at, writers })
}

/// At most that many events of all organizations: those after one number and up to another, in order.
pub fn after(
    connection: &mut Connection,
    after: i64,
    up_to: i64,
    most: i64,
) -> StoreResult<Vec<RoutableEvent>> {
    Ok(event_views::table
        .filter(event_views::of_any_org)
        .filter(event_views::event_id.gt(after))
        .filter(event_views::event_id.le(up_to))
        .order(event_views::event_id)
        .limit(most)
        .select(RoutableEvent::as_select())
        .load(connection)?)
}

/// The same of one organization.
pub fn after_of(
    connection: &mut Connection,
    org: OrgId,
    after: i64,
    up_to: i64,
    most: i64,
) -> StoreResult<Vec<RoutableEvent>> {
    Ok(event_views::table
        .filter(event_views::org_id.eq(org))
        .filter(event_views::event_id.gt(after))
        .filter(event_views::event_id.le(up_to))
        .order(event_views::event_id)
        .limit(most)
        .select(RoutableEvent::as_select())
        .load(connection)?)
}

/// Which of the oldest events are older than the retention: whose they are, and their numbers. At most that many.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    most: i64,
) -> StoreResult<Vec<(OrgId, i64)>> {
    let kept = PgInterval::from_microseconds(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX));
    // Numbers are drawn in the order of time: the oldest ones are first, and no more rows are read than these.
    let oldest: Vec<(OrgId, i64, bool)> = event_views::table
        .filter(event_views::of_any_org)
        .order(event_views::event_id)
        .limit(most)
        .select((
            event_views::org_id,
            event_views::event_id,
            event_views::at.lt(now.into_sql::<Timestamptz>() - kept),
        ))
        .load(connection)?;
    Ok(oldest.into_iter().filter(|(.., is_old)| *is_old).map(|(org, event, _)| (org, event)).collect())
}

/// Removes these events of the organization, and keeps up to where some were removed.
pub fn delete(connection: &mut Connection, org: OrgId, ids: &[i64]) -> StoreResult<()> {
    let removed = events::table.filter(events::org_id.eq(org)).filter(events::event_id.eq_any(ids));
    diesel::delete(removed).execute(connection)?;
    let last = ids.iter().copied().max().unwrap_or_default();
    let earlier = orgs::table.find(org).filter(orgs::events_removed_up_to.lt(last));
    diesel::update(earlier).set(orgs::events_removed_up_to.eq(last)).execute(connection)?;
    Ok(())
}

/// The latest of the organization's events that was removed; 0 when none was.
pub fn removed_up_to(connection: &mut Connection, org: OrgId) -> StoreResult<i64> {
    Ok(orgs::table.find(org).select(orgs::events_removed_up_to).first(connection)?)
}
