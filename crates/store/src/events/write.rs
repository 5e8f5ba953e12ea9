//! Writing change events: what a transaction records, and the statement that inserts it.

use std::collections::BTreeMap;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Text, Uuid};
use diesel::upsert::excluded;
use serde_json::Value;

use super::changes::FieldChanges;
use super::kinds::EventKind;
use crate::bulk::{column_array, insert_rows};
use crate::connection::{Connection, StoreResult};
use crate::routing;
use crate::schema::{event_heads, events};
use switchboard_core::ids::{OrgId, SessionId};

/// A change of a chat that a transaction records.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The chat.
    pub chat_key: i64,
    /// The session whose view changed; `None` for a change that all sessions share.
    pub session: Option<SessionId>,
    /// What changed.
    pub kind: EventKind,
    /// The fields that changed; empty for kinds without fields.
    pub changes: FieldChanges,
    /// The message that the event is about.
    pub message: Option<EventMessage>,
}

/// A message of the event's chat and session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventMessage {
    /// WhatsApp's id of the message.
    pub id: String,
    /// Whether the session's own number sent it.
    pub from_me: bool,
    /// The person that sent it, if it is an incoming message of a group; otherwise empty.
    pub author: String,
}

/// Takes the next numbers of the buckets, in the order of the buckets, and inserts the events with them.
///
/// The locks of the heads are held until the transaction ends, so this must be its last statement. The events have the
/// same buckets as the heads, so the rank of an event's bucket is its head's place: a join would compare each event with
/// each head.
#[derive(QueryId)]
struct InsertEvents<A> {
    org: OrgId,
    actor: String,
    /// Bound arrays of the events' chats, sessions, kinds and changes.
    arrays: A,
}

impl<A: QueryFragment<Pg>> QueryFragment<Pg> for InsertEvents<A> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH recorded AS (SELECT *, (chat_key & 15)::integer AS bucket FROM unnest(");
        self.arrays.walk_ast(out.reborrow())?;
        out.push_sql(
            ") WITH ORDINALITY
                AS event (chat_key, session_id, kind, changes, message_id, from_me, author, place)), heads AS (
                INSERT INTO event_heads (org_id, bucket, last) SELECT ",
        );
        out.push_bind_param::<Uuid, _>(&self.org)?;
        out.push_sql(
            ", bucket, count(*) FROM recorded GROUP BY bucket ORDER BY bucket
                ON CONFLICT (org_id, bucket) DO UPDATE SET last = event_heads.last + excluded.last
                RETURNING bucket, last
            ) INSERT INTO events (org_id, number, chat_key, session_id, kind, message_id, from_me, author, actor, changes) SELECT ",
        );
        out.push_bind_param::<Uuid, _>(&self.org)?;
        out.push_sql(
            ", (SELECT array_agg(last ORDER BY bucket) FROM heads)[dense_rank() OVER (ORDER BY bucket)]
                    - count(*) OVER (PARTITION BY bucket) + row_number() OVER (PARTITION BY bucket ORDER BY place),
                chat_key, session_id, kind, message_id, from_me, author, ",
        );
        out.push_bind_param::<Text, _>(&self.actor)?;
        out.push_sql(", changes FROM recorded");
        Ok(())
    }
}

impl<A> RunQueryDsl<PgConnection> for InsertEvents<A> {}

/// The chat, session, kind, changes and message of an event.
type Row = (i64, Option<SessionId>, EventKind, Value, Option<EventMessage>);

/// Inserts the events that a transaction recorded, in their order.
pub fn insert(
    connection: &mut Connection,
    org: OrgId,
    actor: &str,
    recorded: Vec<NewEvent>,
) -> StoreResult<()> {
    let rows: Vec<Row> = recorded
        .into_iter()
        .map(|event| (event.chat_key, event.session, event.kind, event.changes.into_json(), event.message))
        .collect();
    if routing::is_by_org() {
        return insert_in_two_statements(connection, org, actor, &rows);
    }
    let arrays = (
        column_array!(events::chat_key, rows, row, row.0),
        column_array!(events::session_id, rows, row, row.1),
        column_array!(events::kind, rows, row, row.2.as_str()),
        column_array!(events::changes, rows, row, &row.3),
        column_array!(events::message_id, rows, row, row.4.as_ref().map(|message| message.id.as_str())),
        column_array!(events::from_me, rows, row, row.4.as_ref().map(|message| message.from_me)),
        column_array!(events::author, rows, row, row.4.as_ref().map(|message| message.author.as_str())),
    );
    InsertEvents { org, actor: actor.to_owned(), arrays }.execute(connection)?;
    Ok(())
}

/// [`InsertEvents`] in two round trips. Citus would send the rows of its parts to all nodes, and commit on all of them.
fn insert_in_two_statements(
    connection: &mut Connection,
    org: OrgId,
    actor: &str,
    rows: &[Row],
) -> StoreResult<()> {
    let bucket = |row: &Row| i32::try_from(row.0 & 15).unwrap_or_default();
    let mut counts: BTreeMap<i32, i64> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(bucket(row)).or_default() += 1);
    let added: Vec<(i32, i64)> = counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
    let last: Vec<(i32, i64)> =
        insert_rows!(org, event_heads, added, |head| { bucket: head.0, last: head.1 })
            .on_conflict((event_heads::org_id, event_heads::bucket))
            .do_update()
            .set(event_heads::last.eq(event_heads::last + excluded(event_heads::last)))
            .returning((event_heads::bucket, event_heads::last))
            .get_results(connection)?;
    let mut numbers: BTreeMap<i32, i64> =
        last.into_iter().map(|(bucket, last)| (bucket, last - counts[&bucket])).collect();
    let mut numbered = Vec::with_capacity(rows.len());
    for row in rows {
        let number = numbers.entry(bucket(row)).or_default();
        *number += 1;
        numbered.push((*number, row));
    }
    let insert = insert_rows!(org, events, numbered, |event| {
        number: event.0,
        chat_key: event.1.0,
        session_id: event.1.1,
        kind: event.1.2.as_str(),
        actor: actor,
        changes: &event.1.3,
        message_id: event.1.4.as_ref().map(|message| message.id.as_str()),
        from_me: event.1.4.as_ref().map(|message| message.from_me),
        author: event.1.4.as_ref().map(|message| message.author.as_str()),
    });
    // Without RETURNING, Citus stores the rows with COPY, which row level security forbids.
    let _: Vec<i64> = insert.returning(events::number).get_results(connection)?;
    Ok(())
}
