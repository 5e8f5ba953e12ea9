//! Reading change events in order.

use std::collections::BTreeMap;

use diesel::dsl::{AsSelect, max};
use diesel::expression::Expression;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Integer, Uuid};

use super::positions::{Positions, Range};
use crate::bulk::has_key_of;
use crate::connection::{Connection, StoreResult};
use crate::json::Json;
use crate::org_views::{View, of_org};
use crate::routing;
use crate::schema::events;
use crate::views::event_views;
use switchboard_core::ids::{ChatAddress, KeyId, OrgId, SessionId};
use switchboard_core::instant::Instant;
use switchboard_proto::json_value::JsonValue;

/// The previous and current values of the changed fields, as they were recorded.
pub type Changes = BTreeMap<String, (JsonValue, JsonValue)>;

/// The sessions that hold a chat by the reports of one API key alone, and that key.
pub type Claims = BTreeMap<String, String>;

/// A change of a chat.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct ChangeEvent {
    /// Identifies the event in its organization. Later events of the chat have larger ids.
    pub event_id: i64,
    /// When the change was made.
    pub at: Instant,
    /// The canonical address of the chat; `None` when it is no longer stored.
    pub chat_id: Option<ChatAddress>,
    /// The session whose view changed; `None` for a change that all sessions share.
    pub session_id: Option<SessionId>,
    /// The session's phone number in digits; `None` when the session is deleted.
    pub phone: Option<String>,
    /// The name of an [`EventKind`](super::kinds::EventKind).
    pub kind: String,
    /// The principal that made the change.
    pub actor: String,
    /// The fields that changed.
    pub changes: Json<Changes>,
    /// WhatsApp's id of the message that the event is about.
    pub message_id: Option<String>,
    /// Whether the session's own number sent that message.
    pub from_me: Option<bool>,
    /// The person that sent it, if it is an incoming message of a group; otherwise empty.
    pub author: Option<String>,
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
    /// The sessions that hold the chat, or held a deleted one last, and held it at the time of the change.
    pub held_by: Vec<SessionId>,
    /// Those of them that hold it by the reports of one key alone.
    pub claims: Option<Json<Claims>>,
    /// The labels of the chat.
    pub label_ids: Vec<String>,
    /// Email of the member the chat is assigned to.
    pub assigned_to: Option<String>,
    /// The members who may not see the chat.
    pub hidden_from: Vec<String>,
}

impl RoutableEvent {
    /// Whether sessions other than these share the chat, and these hold it by the key's own reports alone.
    pub fn is_claimed(&self, key: &KeyId, sessions: &[SessionId]) -> bool {
        let (own, others): (Vec<&SessionId>, Vec<_>) =
            self.held_by.iter().partition(|session| sessions.contains(session));
        !others.is_empty() && !own.is_empty() && own.into_iter().all(|session| self.is_claim(key, *session))
    }

    /// Whether the session holds the chat by the key's own reports alone.
    fn is_claim(&self, key: &KeyId, session: SessionId) -> bool {
        let claims = self.claims.as_ref().map(|claims| &claims.0);
        claims
            .and_then(|claims| claims.get(&session.to_string()))
            .is_some_and(|claimed_by| claimed_by == key.as_str())
    }

    /// Whether the change is of one of these sessions, or of a chat that one of them holds.
    pub fn concerns(&self, sessions: &[SessionId]) -> bool {
        match self.event.session_id {
            Some(session) => sessions.contains(&session),
            None => self.held_by.iter().any(|session| sessions.contains(session)),
        }
    }
}

/// The most events that are read with the connection's cached plan. It may have been made before the tables grew, and then reads
/// far too much for each event; a new plan takes as long as reading a few.
const MAX_WITH_CACHED_PLAN: usize = 32;

/// The events of ranges: a range scan of the primary key for each, whatever the statistics say.
#[derive(QueryId)]
struct EventsOfRanges {
    columns: AsSelect<RoutableEvent, Pg>,
    orgs: Vec<OrgId>,
    buckets: Vec<i32>,
    after: Vec<i64>,
    up_to: Vec<i64>,
    /// Number of events.
    count: usize,
}

impl Query for EventsOfRanges {
    type SqlType = <AsSelect<RoutableEvent, Pg> as Expression>::SqlType;
}

impl QueryFragment<Pg> for EventsOfRanges {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if self.count > MAX_WITH_CACHED_PLAN {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql("SELECT ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Uuid>, _>(&self.orgs)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.buckets)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.after)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.up_to)?;
        out.push_sql(
            ") AS range (org_id, bucket, after, up_to) CROSS JOIN LATERAL (
                SELECT * FROM event_views e WHERE e.org_id = range.org_id AND e.bucket = range.bucket
                    AND e.number > range.after AND e.number <= range.up_to",
        );
        out.push_sql(" OFFSET 0) AS event_views");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for EventsOfRanges {}

/// The events of these ranges, in order within each bucket. The ranges of an organization follow one another.
pub fn of_ranges(connection: &mut Connection, ranges: &[(OrgId, Range)]) -> StoreResult<Vec<RoutableEvent>> {
    let is_by_org = routing::is_by_org();
    let mut found = Vec::new();
    for ranges in ranges.chunk_by(|one, other| !is_by_org || one.0 == other.0) {
        let Some((org, _)) = ranges.first() else { continue };
        let query = EventsOfRanges {
            columns: RoutableEvent::as_select(),
            orgs: ranges.iter().map(|(org, _)| *org).collect(),
            buckets: ranges.iter().map(|(_, range)| column(range.bucket)).collect(),
            after: ranges.iter().map(|(_, range)| range.after).collect(),
            up_to: ranges.iter().map(|(_, range)| range.up_to).collect(),
            count: ranges.iter().map(|(_, range)| range.count()).sum(),
        };
        found.extend(of_org(*org, View::Events, query).load::<RoutableEvent>(connection)?);
    }
    found.sort_by_key(|routable| routable.event.event_id);
    Ok(found)
}

/// The latest time of the events at these positions that are stored.
pub(super) fn time_of(
    connection: &mut Connection,
    org: OrgId,
    positions: &Positions,
) -> StoreResult<Option<Instant>> {
    let numbers: Vec<(usize, i64)> = Vec::from(*positions).into_iter().enumerate().collect();
    Ok(events::table
        .filter(has_key_of!(org, events, numbers, |key| { bucket: column(key.0), number: key.1 }))
        .select(max(events::at))
        .get_result(connection)?)
}

/// The bucket as the database has it.
fn column(bucket: usize) -> i32 {
    i32::try_from(bucket).unwrap_or_default()
}
