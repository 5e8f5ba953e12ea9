//! A connection under the lease of this process, as its tasks use it.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::gateway::{Gateway, Groups, LineState, RawEvent};
use super::probe::status_name;
use super::raw_events::to_store;
use super::wakes::Wake;
use crate::actions::connections::ConnectionRow;
use crate::actions::ingest::{self, SessionScope};
use crate::error::Result;
use crate::ids::{ChatAddress, ConnectionId, OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{ConnectionStatus, Event, Status};
use crate::store::connection_leases::{self, Renewal};
use crate::store::{Lane, Store, Transaction, chat_members, connections, inbound_events, send_queue};
use crate::telemetry::causes;

/// Members of a group that a gateway chooses from.
const MAX_MEMBERS: i64 = 100;

/// A connection under the lease of this process. Cheap to clone.
#[derive(Clone)]
pub struct Leased {
    /// The lane of short statements.
    pub store: Store,
    /// The organization.
    pub org: OrgId,
    /// The connection.
    pub connection: ConnectionId,
    /// Its session.
    pub session: SessionId,
    /// Its settings when the lease was acquired.
    pub row: Arc<ConnectionRow>,
    /// Its gateway.
    pub gateway: Arc<dyn Gateway>,
    /// Wakes its tasks.
    pub wake: Arc<Wake>,
    scope: SessionScope,
}

impl Leased {
    /// The connection of that row.
    pub(super) fn new(
        store: &Store,
        org: OrgId,
        row: ConnectionRow,
        gateway: Arc<dyn Gateway>,
        wake: Arc<Wake>,
        keeps_deleted_text: bool,
    ) -> Self {
        // What happened before the connection was created is history: nobody is notified of its messages.
        let scope = SessionScope::of_session(org, row.session_id, row.created_at);
        Self {
            store: store.with_lane(Lane::Background),
            org,
            connection: row.connection_id.clone(),
            session: row.session_id,
            row: Arc::new(row),
            gateway,
            wake,
            scope: scope.keeping_deleted_text(keeps_deleted_text),
        }
    }

    /// Stores ingest events of the session, in this order. An invalid one is rejected alone.
    ///
    /// # Errors
    ///
    /// Nothing could be stored.
    pub async fn ingest(&self, events: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
        self.ingest_in(&self.scope, events).await
    }

    /// [`Self::ingest`] of what the gateway lists: see [`SessionScope::of_lists`].
    pub async fn ingest_lists(&self, events: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
        self.ingest_in(&self.scope.of_lists(), events).await
    }

    async fn ingest_in(&self, scope: &SessionScope, mut events: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
        let session = self.session.to_string();
        events.iter_mut().for_each(|event| event.session.clone_from(&session));
        ingest::apply(&self.store.with_lane(Lane::Ingest), scope, events).await
    }

    /// Stores the state of the line, also as that of the session. A line that is connected again is synced, and sends that
    /// wait for their next attempt are attempted at once.
    pub async fn set_state(&self, state: &LineState) -> Result<()> {
        self.store_state(state, None).await
    }

    /// Stores that the gateway does not answer. A line that was logged out stays so until the gateway says otherwise.
    pub(super) async fn set_unreachable(&self, reason: String) -> Result<()> {
        let state = LineState { status: ConnectionStatus::Disconnected, reason };
        self.store_state(&state, Some(status_name(ConnectionStatus::LoggedOut))).await
    }

    async fn store_state(&self, state: &LineState, unless: Option<&'static str>) -> Result<()> {
        let (org, id, session, reason) =
            (self.org, self.connection.clone(), self.session, state.reason.clone());
        let status = status_name(state.status);
        let is_connected = state.status == ConnectionStatus::Connected;
        let write = move |tx: &mut Transaction<'_>| {
            let before = connection_leases::set_status(tx, org, &id, (status, &reason), unless)?;
            if before.as_ref().is_some_and(|before| before != status) && is_connected {
                connections::request_sync(tx, org, &id)?;
                send_queue::resume(tx, org, session)?;
            }
            Ok(before)
        };
        let Some(before) = self.store.write(org, write).await? else { return Ok(()) };
        if before != status {
            let at = Some(Instant::now().into());
            let event = Event::Status(Status { status: state.status.into(), at });
            self.ingest(vec![IngestEvent { event: Some(event), ..IngestEvent::default() }]).await?;
            if is_connected {
                self.wake.sync.notify_one();
                self.wake.sends.notify_one();
            }
        }
        Ok(())
    }

    /// Stores raw events, which are mapped later.
    pub async fn store_raw(&self, events: Vec<RawEvent>) -> Result<()> {
        let (org, id) = (self.org, self.connection.clone());
        let events: Vec<_> = events.into_iter().map(to_store).collect();
        self.store.write(org, move |tx| inbound_events::insert(tx, org, &id, &events)).await?;
        self.wake.events.notify_one();
        Ok(())
    }

    /// The connection as it is now; `None` when it was deleted.
    pub(super) async fn current(&self) -> Result<Option<ConnectionRow>> {
        let (org, id) = (self.org, self.connection.clone());
        self.store.read(move |connection| connections::find(connection, org, &id)).await
    }
}

/// The lease of a connection.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) org: OrgId,
    pub(super) connection: ConnectionId,
    pub(super) holder: Uuid,
}

impl Lease {
    /// Acquires the lease; `None` while another process holds it.
    pub(super) async fn acquire(
        store: &Store,
        org: OrgId,
        connection: ConnectionId,
    ) -> Result<Option<(Self, ConnectionRow)>> {
        let lease = Self { org, connection, holder: Uuid::now_v7() };
        let own = lease.clone();
        let acquire =
            move |tx: &mut Transaction<'_>| connection_leases::acquire(tx, org, &own.connection, own.holder);
        Ok(store.write(org, acquire).await?.map(|row| (lease, row)))
    }

    /// Renews the lease; `None` when it was lost.
    pub(super) async fn renew(&self, store: &Store) -> Result<Option<Renewal>> {
        let own = self.clone();
        let renew = move |tx: &mut Transaction<'_>| {
            connection_leases::renew(tx, own.org, &own.connection, own.holder)
        };
        store.write(self.org, renew).await
    }

    /// Releases the lease before it expires.
    pub(super) async fn release(self, store: &Store) -> Result<()> {
        let (org, connection, holder) = (self.org, self.connection, self.holder);
        store.write(org, move |tx| connection_leases::release(tx, org, &connection, holder)).await
    }
}

#[async_trait]
impl Groups for Leased {
    async fn members(&self, group: &ChatAddress) -> Vec<String> {
        let (org, group) = (self.org, group.clone());
        let read = self.store.read(move |c| chat_members::contact_ids(c, org, &group, MAX_MEMBERS));
        read.await.unwrap_or_else(|error| {
            tracing::warn!(reason = causes(&error), "the members of a group were not read");
            Vec::new()
        })
    }
}
