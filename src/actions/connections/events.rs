//! Listing the events of gateways, mapping them again, and removing old ones.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checks::visible;
use super::links::{Connections, lock};
use super::model::ConnectionScope;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::page::{CursorList, Page};
use crate::actions::retention;
use crate::cursor::Scope;
use crate::error::{Error, Kind, Result};
use crate::ids::{ConnectionId, OrgId};
use crate::store::connections;
use crate::store::inbound_events::{self, InboundEventRow, RECEIVED};
use crate::store::{Connection, Store, StoreResult, Transaction};

/// Events of one connection.
#[derive(Clone, Debug)]
pub struct InboundEvents {
    /// Who asks.
    pub scope: ConnectionScope,
    /// The connection.
    pub connection: ConnectionId,
}

impl Connections {
    /// A page of the connection's events, newest first.
    pub async fn events(
        &self,
        of: InboundEvents,
        state: Option<String>,
        limit: Option<i64>,
        cursor: &str,
    ) -> Result<Page<InboundEventRow>> {
        let (asking, org, id) = (of.scope.clone(), of.scope.org, of.connection);
        let scope =
            Scope::of("connection events").with("connection", &id).with_some("state", state.as_deref());
        let list = CursorList { store: &self.store, keys: &self.keys, org, scope };
        let size = |row: &InboundEventRow| row.body.len() + row.became.len();
        let read = move |connection: &mut Connection, before: Option<i64>, limit| {
            let before = before.unwrap_or(i64::MAX);
            let sessions = asking.sessions.as_deref();
            let page =
                inbound_events::page(connection, (org, &id), sessions, state.as_deref(), before, limit)?;
            if page.is_empty() {
                visible(connections::find(connection, org, &id)?, sessions)?;
            }
            Ok(page)
        };
        list.page_by_size(limit, cursor, |row| row.arrival, size, read).await
    }

    /// Makes an event be mapped again.
    pub async fn replay<R: Send + 'static>(
        &self,
        of: InboundEvents,
        arrival: i64,
        idempotent: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let InboundEvents { scope, connection: id } = of;
        let org = scope.org;
        let write = move |tx: &mut Transaction<'_>| {
            lock(tx, &scope, &id)?;
            match inbound_events::lock_state(tx, org, &id, arrival)?.as_deref() {
                None => Err(Error::not_found("event not found").into()),
                Some(RECEIVED) => {
                    Err(Error::new(Kind::FailedPrecondition, "the event is about to be mapped").into())
                }
                Some(_) => inbound_events::replay(tx, org, &id, arrival),
            }
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Makes all failed events of the connection be mapped again, and returns their number.
    pub async fn replay_failed<R: Send + 'static>(
        &self,
        of: InboundEvents,
        idempotent: IdempotentWrite<usize, R>,
    ) -> Result<R> {
        let InboundEvents { scope, connection: id } = of;
        let org = scope.org;
        let write = move |tx: &mut Transaction<'_>| {
            lock(tx, &scope, &id)?;
            inbound_events::replay_failed(tx, org, &id)
        };
        idempotent.write(&self.store, org, write).await
    }
}

/// Removes a batch of events that are older than that. Returns whether there may be more.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let read = move |connection: &mut _| inbound_events::expired(connection, retention, retention::BATCH);
    retention::delete(store, store.read(read).await?, delete).await
}

fn delete(tx: &mut Transaction<'_>, org: OrgId, expired: &[(ConnectionId, String)]) -> StoreResult<()> {
    let mut by_connection: BTreeMap<&ConnectionId, Vec<&str>> = BTreeMap::new();
    for (connection, key) in expired {
        by_connection.entry(connection).or_default().push(key);
    }
    by_connection
        .into_iter()
        .try_for_each(|(connection, keys)| inbound_events::delete(tx, org, connection, &keys))
}
