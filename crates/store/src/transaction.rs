//! A write transaction: what its work may do, and how it begins and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::time::Instant;

use diesel::connection::SimpleConnection;

use super::activity;
use super::connection::{Connection, StoreResult, deadline_exceeded};
use super::events::{self, EventKind, FieldChanges, NewEvent};
use super::list_counts::{self, List, ListKey};
use super::pool::PoolConnection;
use super::quotas;
use super::routing;
use super::write_status::WriteStatus;
use super::writer::Writer;
use switchboard_core::config::{Quota, Quotas};
use switchboard_core::ids::{OrgId, SessionId};

/// What a closure given to `Store::write` works with: the connection, and what its writes cause.
///
/// Change events, list lengths and the newest activity of chats are collected, and written right before COMMIT: once for
/// each row, and always in the same order, so that transactions do not deadlock and hold what all of them write only for a
/// moment.
///
/// It dereferences to [`Connection`], so functions that only read take it as it is.
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    org: OrgId,
    actor: String,
    events: Vec<NewEvent>,
    /// The last event about a message of each chat and session, by its place in `events`.
    message_events: BTreeMap<(i64, Option<SessionId>), usize>,
    /// The sessions that stopped holding a chat, each with the key by whose reports alone it held the chat.
    last_holders: BTreeMap<i64, Vec<(SessionId, Option<String>)>>,
    active: BTreeSet<i64>,
    counts: BTreeMap<ListKey, i64>,
    added: BTreeSet<Quota>,
}

impl Transaction<'_> {
    /// The organization whose rows the transaction may write.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The principal that writes, as it is stored.
    pub fn actor(&self) -> String {
        self.actor.clone()
    }

    /// Records a change event. Events are inserted in the order in which they were recorded.
    pub fn record(&mut self, event: NewEvent) {
        if event.message.is_some() {
            self.message_events.insert((event.chat_key, event.session), self.events.len());
        }
        self.events.push(event);
    }

    /// Records a change event with fields, unless none changed.
    ///
    /// What a message changes in its chat becomes part of the message's event.
    pub fn record_changes(
        &mut self,
        chat_key: i64,
        session: Option<SessionId>,
        kind: EventKind,
        changes: FieldChanges,
    ) {
        if changes.is_empty() {
            return;
        }
        let of_message =
            self.message_events.get(&(chat_key, session)).filter(|_| kind == EventKind::Messages);
        match of_message.and_then(|place| self.events.get_mut(*place)) {
            Some(event) if event.changes.is_empty() => event.changes = changes,
            Some(_) | None => self.record(NewEvent { chat_key, session, kind, changes, message: None }),
        }
    }

    /// Records that a session no longer holds the chat, which it held by the reports of the key `claimed_by` alone, if any.
    pub(super) fn record_detached(&mut self, chat_key: i64, session: SessionId, claimed_by: Option<String>) {
        self.last_holders.entry(chat_key).or_default().push((session, claimed_by));
        self.record(NewEvent {
            chat_key,
            session: Some(session),
            kind: EventKind::Detached,
            changes: FieldChanges::default(),
            message: None,
        });
    }

    /// The sessions that stopped holding the chat in this transaction.
    pub(super) fn take_last_holders(&mut self, chat_key: i64) -> Vec<(SessionId, Option<String>)> {
        self.last_holders.remove(&chat_key).unwrap_or_default()
    }

    /// Notes that a session's newest message or unread count in the chat changed, or that a session started or stopped
    /// holding it.
    pub fn activity_changed(&mut self, chat_key: i64) {
        self.active.insert(chat_key);
    }

    /// Notes that no session holds these chats any more, and deletes their activity.
    pub(super) fn delete_activity(&mut self, chat_keys: &[i64]) -> StoreResult<()> {
        for chat_key in chat_keys {
            self.active.remove(chat_key);
        }
        let deleted = activity::delete(self.connection, self.org, chat_keys)?;
        self.count_removed(List::Chats, None, deleted);
        Ok(())
    }

    /// Adds that many rows to the length of a list; `None` for the organization's.
    pub fn count_added(&mut self, list: List, session: Option<SessionId>, rows: usize) {
        *self.counts.entry((list, session)).or_default() += i64::try_from(rows).unwrap_or(i64::MAX);
    }

    /// Subtracts that many rows from the length of a list; `None` for the organization's.
    pub fn count_removed(&mut self, list: List, session: Option<SessionId>, rows: usize) {
        *self.counts.entry((list, session)).or_default() -= i64::try_from(rows).unwrap_or(i64::MAX);
    }

    /// Notes that rows of that kind were inserted, so that their quota is checked.
    pub(super) fn added(&mut self, quota: Quota) {
        self.added.insert(quota);
    }

    /// Writes what was collected, and checks quotas. Returns whether there were events.
    fn flush(mut self, quotas: &Quotas) -> StoreResult<bool> {
        if !self.active.is_empty() {
            let active = std::mem::take(&mut self.active);
            let inserted = activity::refresh(self.connection, self.org, &active)?;
            self.count_added(List::Chats, None, inserted);
        }
        list_counts::add(self.connection, self.org, &self.counts)?;
        for quota in &self.added {
            quotas::check(self.connection, self.org, quotas, *quota)?;
        }
        if self.events.is_empty() {
            return Ok(false);
        }
        events::insert(self.connection, self.org, &self.actor, self.events)?;
        Ok(true)
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

/// A standby that does not confirm must not end in a success: a statement timeout would end the wait for it with one.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// Writes a temporary file on the data disk, and a record to the write-ahead log.
const TEST_WRITE: &str = "SET LOCAL work_mem = '64kB'; SELECT count(*) FROM generate_series(1, 100000); \
     SELECT pg_logical_emit_message(true, 'switchboard', '')";

/// Writes as much as a small transaction needs, and keeps nothing of it.
pub(super) fn test(connection: &mut PoolConnection, writes: &WriteStatus) -> StoreResult<()> {
    connection.begin(None, "BEGIN", TEST_WRITE)?;
    commit(connection, writes)?;
    writes.succeeded();
    Ok(())
}

fn commit(connection: &mut PoolConnection, writes: &WriteStatus) -> StoreResult<()> {
    let committed = writes.commit(|| routing::batch(connection, COMMIT));
    if committed.is_err() {
        // A statement before COMMIT may have failed: diesel does not detect that the transaction is still open.
        let _ = connection.batch_execute("ROLLBACK");
    }
    Ok(committed?)
}

/// Runs work in one transaction, and commits it with the events that it recorded. Returns whether there were any.
pub(super) fn run<T>(
    connection: &mut PoolConnection,
    writer: &Writer,
    quotas: &Quotas,
    deadline: Option<Instant>,
    writes: &WriteStatus,
    work: impl Fn(&mut Transaction<'_>) -> StoreResult<T>,
) -> StoreResult<(T, bool)> {
    connection.begin(deadline, &writer.begin(), &first_statements(writer, deadline))?;
    match write(connection, writer, quotas, deadline, work) {
        Ok(written) => {
            commit(connection, writes)?;
            Ok(written)
        }
        Err(error) => {
            // The first error is returned; a connection that cannot roll back is broken and is replaced.
            let _ = connection.batch_execute("ROLLBACK");
            Err(error)
        }
    }
}

/// The deadline as statement timeout, and the lock.
fn first_statements(writer: &Writer, deadline: Option<Instant>) -> String {
    let mut statements = String::new();
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
        statements.push_str(&format!("SET LOCAL statement_timeout = {left}; "));
    }
    statements.push_str(&writer.lock());
    statements
}

fn write<T>(
    connection: &mut Connection,
    writer: &Writer,
    quotas: &Quotas,
    deadline: Option<Instant>,
    work: impl Fn(&mut Transaction<'_>) -> StoreResult<T>,
) -> StoreResult<(T, bool)> {
    let Writer { org, actor, .. } = writer;
    // PostgreSQL has no text with NUL.
    let actor = actor.to_string().replace('\0', "");
    let mut tx = Transaction {
        connection,
        org: *org,
        actor,
        events: Vec::new(),
        message_events: BTreeMap::new(),
        last_holders: BTreeMap::new(),
        active: BTreeSet::new(),
        counts: BTreeMap::new(),
        added: BTreeSet::new(),
    };
    let value = work(&mut tx)?;
    // The client has already received DEADLINE_EXCEEDED.
    if is_past(deadline) {
        return Err(deadline_exceeded().into());
    }
    Ok((value, tx.flush(quotas)?))
}

/// Whether the deadline has passed.
pub(super) fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}
