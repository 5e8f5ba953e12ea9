//! A write transaction: what its work may do, and how it begins and ends.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use diesel::connection::SimpleConnection;

use super::connection::{Connection, StoreResult, deadline_exceeded};
use super::events::{self, NewEvent};
use super::pool::PoolConnection;
use super::writer::Writer;
use crate::ids::OrgId;

/// What a closure given to `Store::write` works with: the connection, and the change events that its writes cause.
///
/// It dereferences to [`Connection`], so functions that only read take it as it is.
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    org: OrgId,
    actor: String,
    events: Vec<NewEvent>,
}

impl Transaction<'_> {
    /// The organization whose rows the transaction may write.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Records a change event. The events are inserted in this order by the last statement before COMMIT, so that what
    /// that statement locks is held for a moment only.
    pub fn record(&mut self, event: NewEvent) {
        self.events.push(event);
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

/// Runs work in one transaction, and commits it with the events that it recorded.
pub(super) fn run<T>(
    connection: &mut PoolConnection,
    writer: &Writer,
    deadline: Option<Instant>,
    work: impl Fn(&mut Transaction<'_>) -> StoreResult<T>,
) -> StoreResult<T> {
    connection.begin(deadline, &begin(writer, deadline))?;
    match write(connection, writer, deadline, work) {
        Ok(value) => {
            connection.batch_execute("COMMIT")?;
            Ok(value)
        }
        Err(error) => {
            // The first error is returned; a connection that cannot roll back is broken and is replaced.
            let _ = connection.batch_execute("ROLLBACK");
            Err(error)
        }
    }
}

/// The statements that begin the transaction, in one round trip.
fn begin(writer: &Writer, deadline: Option<Instant>) -> String {
    let mut statements = writer.begin();
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
        statements.push_str(&format!("; SET LOCAL statement_timeout = {left}"));
    }
    statements.push_str("; ");
    statements.push_str(&writer.lock());
    statements
}

fn write<T>(
    connection: &mut Connection,
    writer: &Writer,
    deadline: Option<Instant>,
    work: impl Fn(&mut Transaction<'_>) -> StoreResult<T>,
) -> StoreResult<T> {
    let Writer { org, actor, .. } = writer;
    // PostgreSQL has no text with NUL.
    let actor = actor.to_string().replace('\0', "");
    let mut tx = Transaction { connection, org: *org, actor, events: Vec::new() };
    let value = work(&mut tx)?;
    // The client has already received DEADLINE_EXCEEDED.
    if is_past(deadline) {
        return Err(deadline_exceeded().into());
    }
    let Transaction { connection, org, actor, events } = tx;
    if !events.is_empty() {
        events::insert(connection, org, &actor, &events)?;
    }
    Ok(value)
}

/// Whether the deadline has passed.
pub(super) fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}
