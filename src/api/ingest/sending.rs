//! Gives the sends of a session to its connector, at the pace of the connection.

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};

use super::sends::responses;
use crate::actions::commands::ConnectorLease;
use crate::actions::sends::begin_next;
use crate::connect::outbox::{Files, Pace};
use crate::error::Result;
use crate::ids::OrgId;
use crate::pb::commands_response::Response;
use crate::store::Store;

/// Sends that are given to the connector at a time: their files are fetched and read meanwhile.
const MAX_GIVEN: usize = 16;

/// The sends that a connector is given.
pub(super) struct Sending {
    store: Store,
    files: Files,
    org: OrgId,
    lease: ConnectorLease,
    pace: Pace,
    given: SelectAll<BoxStream<'static, Result<Response>>>,
}

impl Sending {
    pub(super) fn new(
        (store, files): (Store, Files),
        (org, lease): (OrgId, ConnectorLease),
        sends_per_minute: Option<i32>,
    ) -> Self {
        Self { store, files, org, lease, pace: Pace::new(sends_per_minute), given: SelectAll::new() }
    }

    /// Whether nothing of what was begun is left to give.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Begins the first sends of chats in which none is in progress, as many as the pace allows. A send whose chat waits for an
    /// outcome follows that.
    pub(super) async fn begin(&mut self, sends_per_minute: Option<i32>) -> Result<()> {
        self.pace.change(sends_per_minute);
        if self.given.len() >= MAX_GIVEN || !self.pace.is_free() {
            return Ok(());
        }
        let limit = if sends_per_minute.is_some() { 1 } else { MAX_GIVEN };
        let attempts = begin_next(&self.store, self.lease, limit).await?;
        if !attempts.is_empty() {
            self.pace.take();
        }
        let give = |attempt| responses(self.store.clone(), self.files.clone(), self.org, attempt);
        self.given.extend(attempts.into_iter().map(give));
        Ok(())
    }

    /// What is ready of the sends that were begun.
    pub(super) async fn next(&mut self) -> Option<Result<Response>> {
        self.given.next().await
    }
}
