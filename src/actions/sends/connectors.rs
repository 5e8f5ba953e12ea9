//! Sends of sessions whose connector is a program of the organization.

use std::time::Duration;

use uuid::Uuid;

use super::outcomes::{Attempt, Begun, accept, begin, due, fail, interrupted, unclear};
use super::retries::repeat;
use crate::actions::commands::ConnectorLease;
use crate::error::{Error, Result};
use crate::store::sends::{ACCEPTED, FAILED, UNKNOWN};
use crate::store::{Store, send_views};
use crate::telemetry::metrics;

/// The kind of connections whose connector is a program of the organization.
const KIND: &str = "external";
/// Why the outcome of a send that another connection of the session had begun is unknown.
pub const REPLACED: &str = "another connection of the session was sending it";

/// What became of a send, as its connector reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent; WhatsApp's id of the message, which is empty for the id that was given.
    Accepted(String),
    /// It was not sent, and cannot be.
    Failed(String),
    /// It may have been sent.
    Unknown(String),
}

/// Puts the sends back into the queue that an earlier stream has sent and that have no outcome. The outcome of those that the
/// service itself had begun is unknown.
pub async fn requeue_interrupted(store: &Store, lease: ConnectorLease) -> Result<()> {
    for row in interrupted(store, lease.org, lease.session).await? {
        if row.attempted_by.as_deref() == Some(KIND) {
            let reason = "the connector's stream ended".to_owned();
            repeat(store, lease.org, row.send_id, Duration::ZERO, reason).await?;
        } else {
            unclear(store, lease.org, row.send_id, REPLACED.to_owned()).await?;
        }
    }
    Ok(())
}

/// Begins the first sends of at most `limit` chats in which none is in progress.
pub async fn begin_next(store: &Store, lease: ConnectorLease, limit: usize) -> Result<Vec<Attempt>> {
    let mut attempts = Vec::new();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    for row in due(store, lease.org, lease.session, limit).await? {
        match begin(store, lease, KIND, row.send_id).await? {
            Begun::Attempt(attempt) if attempt.is_reported => {
                accept(store, lease.org, row.send_id, String::new()).await?;
            }
            Begun::Attempt(attempt) => attempts.push(*attempt),
            Begun::NotQueued => {}
            Begun::NotHolder => break,
        }
    }
    Ok(attempts)
}

/// Stores the outcome of a send of the session.
///
/// # Errors
///
/// The session has no such send.
pub async fn finish(store: &Store, lease: ConnectorLease, send: Uuid, outcome: Outcome) -> Result<()> {
    let org = lease.org;
    let found = store.read(move |connection| send_views::find(connection, org, send)).await?;
    if found.is_none_or(|view| view.send.session_id != lease.session) {
        return Err(Error::invalid("outcome.queue_id", "must be the id of a send of the session"));
    }
    let state = match outcome {
        Outcome::Accepted(message_id) => accept(store, org, send, message_id).await.map(|()| ACCEPTED)?,
        Outcome::Failed(reason) => fail(store, org, send, reason).await.map(|()| FAILED)?,
        Outcome::Unknown(reason) => unclear(store, org, send, reason).await.map(|()| UNKNOWN)?,
    };
    metrics::send_attempted(KIND, state);
    Ok(())
}
