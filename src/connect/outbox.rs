//! The outbox of a connection: carries out the sends and the commands of its session.
//!
//! Sends of a chat go out in order, one at a time; several chats go out in parallel, at the connection's pace. A send that
//! was interrupted or whose outcome is unclear is repeated only when the gateway then sends it once; otherwise it is
//! `unknown` until WhatsApp reports the message.

mod changes;
mod contents;
mod files;
mod pace;
mod retries;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::contents::content;
pub use self::files::{Files, not_read};
pub use self::pace::Pace;
use self::retries::{MAX_FAILURES, Retries};
use super::gateway::{Gateway, OutgoingMessage, QuotedMessage, SendError, Sent};
use super::lease::Leased;
use super::mapping::is_transient;
use crate::actions::commands::ConnectorLease;
use crate::actions::sends::{self, ACCEPTED, Attempt, Begun, QUEUED, SendRow, UNKNOWN, backoff};
use crate::error::{Error, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::Store;
use crate::store::send_queue::{self, Work};
use crate::telemetry::{causes, metrics};

/// Chats that one connection sends to at a time.
const MAX_CHATS: usize = 8;
/// Sends that are read at a time: those of other chats, while some are being sent.
const MAX_DUE: i64 = 16;
/// How long a gateway may take to accept a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// The same for a message with a file.
const FILE_TIMEOUT: Duration = Duration::from_mins(11);
/// Pause before the session's lease is tried again while a connector has it, which ends its stream soon.
const HANDOVER_PAUSE: Duration = Duration::from_millis(500);
/// How long attempts in progress may take at the end.
const GRACE: Duration = Duration::from_secs(2);
/// Pause before an outcome is stored again that the database did not take.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// The outbox of one connection. The caller holds the connection's lease; the outbox itself takes that of the session, which a
/// connector may still have.
#[derive(Clone)]
pub struct Outbox {
    /// The lane of short statements.
    pub store: Store,
    /// The organization.
    pub org: OrgId,
    /// The session.
    pub session: SessionId,
    /// The lease of the session.
    pub lease: ConnectorLease,
    /// Its gateway.
    pub gateway: Arc<dyn Gateway>,
    /// The kind of its gateway, for metrics.
    pub kind: String,
    /// The pace; `None` for no limit.
    pub sends_per_minute: Option<i32>,
    /// The files.
    pub files: Files,
}

/// Carries out sends and commands until `closing` is cancelled.
pub async fn run(outbox: Outbox, wake: Arc<Notify>, closing: CancellationToken) {
    let mut pace = Pace::new(outbox.sends_per_minute);
    let mut running: BTreeSet<Uuid> = BTreeSet::new();
    while !outbox.take_over(&running).await.inspect_err(warn).unwrap_or(false) {
        tokio::select! {
            () = sleep(HANDOVER_PAUSE) => {}
            () = closing.cancelled() => return,
        }
    }
    let (mut attempts, mut changes) = (FuturesUnordered::new(), FuturesUnordered::new());
    // `None` while commands are applied.
    let mut retries = Some(Retries::default());
    let mut is_complete = true;
    while !closing.is_cancelled() {
        if !is_complete {
            is_complete = outbox.take_over(&running).await.inspect_err(warn).unwrap_or(false);
        }
        let work = outbox.work().await.inspect_err(warn).unwrap_or_default();
        if work.commands
            && let Some(due) = retries.take_if(|retries| retries.is_due())
        {
            changes.push(outbox.apply_changes(due));
        }
        let due =
            if work.sends { outbox.due().await.inspect_err(warn).unwrap_or_default() } else { Vec::new() };
        let idle: Vec<SendRow> = due.into_iter().filter(|row| !running.contains(&row.send_id)).collect();
        for row in idle {
            if attempts.len() >= MAX_CHATS || !pace.take() {
                break;
            }
            running.insert(row.send_id);
            attempts.push(outbox.attempt(row.send_id));
        }
        tokio::select! {
            Some((send, is_stored)) = attempts.next() => {
                running.remove(&send);
                is_complete &= is_stored;
            }
            Some(waiting) = changes.next() => retries = Some(waiting),
            () = wake.notified(), if pace.is_free() => {}
            () = sleep_until(pace.next()) => {}
            () = closing.cancelled() => {}
        }
    }
    // What is not finished by then is recovered by the next holder of the lease.
    let _ = timeout(GRACE, async { while attempts.next().await.is_some() {} }).await;
    // Otherwise it expires.
    let _ = outbox.lease.release(&outbox.store).await.inspect_err(warn);
}

impl Outbox {
    /// The outbox of that connection.
    pub(super) fn new(leased: &Leased, files: Files) -> Self {
        let (store, gateway) = (leased.store.clone(), Arc::clone(&leased.gateway));
        let (kind, sends_per_minute) = (leased.row.kind.clone(), leased.row.sends_per_minute);
        let (org, session) = (leased.org, leased.session);
        // The same for all holders of the connection's lease: they need not wait for each other.
        let lease = ConnectorLease::of(org, session, leased.connection.random_part());
        Self { store, org, session, lease, gateway, kind, sends_per_minute, files }
    }

    /// Takes the session's lease, and decides about the attempts that were interrupted, which are not `running`; `false` while a
    /// connector has it.
    async fn take_over(&self, running: &BTreeSet<Uuid>) -> Result<bool> {
        let Self { store, org, session, .. } = self;
        if !self.lease.acquire(store).await? {
            return Ok(false);
        }
        let interrupted = sends::interrupted(store, *org, *session).await?;
        for row in interrupted.into_iter().filter(|row| !running.contains(&row.send_id)) {
            if row.attempted_by.as_deref() == Some(&self.kind) {
                let reason = "the service was interrupted while it was sent".to_owned();
                self.unclear(&row, reason, backoff(row.attempts)).await?;
            } else {
                sends::unclear(store, *org, row.send_id, sends::REPLACED.to_owned()).await?;
            }
        }
        Ok(true)
    }

    /// What there is to do. What WhatsApp has reported of sends whose outcome is unknown is taken over first.
    async fn work(&self) -> Result<Work> {
        let Self { store, org, session, .. } = self;
        let (org, session) = (*org, *session);
        let work = store.read(move |connection| send_queue::work(connection, org, session)).await?;
        if work.unknown {
            for (send, message_id) in sends::reported(store, org, session).await? {
                sends::accept(store, org, send, message_id).await?;
            }
        }
        Ok(work)
    }

    async fn due(&self) -> Result<Vec<SendRow>> {
        let Self { store, org, session, .. } = self;
        sends::due(store, *org, *session, MAX_DUE).await
    }

    /// Attempts a send. Returns its id, and whether its outcome is stored.
    async fn attempt(&self, send: Uuid) -> (Uuid, bool) {
        match self.try_send(send).await {
            Ok(Some(state)) => metrics::send_attempted(&self.kind, state),
            Ok(None) => {}
            Err(error) => {
                warn(&error);
                return (send, false);
            }
        }
        (send, true)
    }

    /// Returns the state that the attempt ends in; `None` when the send is not queued any more.
    async fn try_send(&self, send: Uuid) -> Result<Option<&'static str>> {
        let attempt = match sends::begin(&self.store, self.lease, &self.kind, send).await? {
            Begun::Attempt(attempt) => attempt,
            Begun::NotQueued => return Ok(None),
            Begun::NotHolder => {
                sleep(HANDOVER_PAUSE).await;
                return Ok(None);
            }
        };
        let outcome = match attempt.is_reported {
            true => Ok(Sent { message_id: String::new() }),
            false => self.call(&attempt).await,
        };
        loop {
            match self.store_outcome(&attempt.row, outcome.clone()).await {
                // Only this process has it. A process that loses the lease meanwhile is stopped.
                Err(error) if is_transient(&error) => warn(&error),
                stored => return stored.map(Some),
            }
            sleep(STORE_PAUSE).await;
        }
    }

    /// Stores what came of an attempt. Returns the state that it ends in.
    async fn store_outcome(
        &self,
        row: &SendRow,
        outcome: std::result::Result<Sent, SendError>,
    ) -> Result<&'static str> {
        let Self { store, org, .. } = self;
        let (org, send) = (*org, row.send_id);
        match outcome {
            Ok(sent) => sends::accept(store, org, send, sent.message_id).await.map(|()| ACCEPTED),
            Err(SendError::NotSent { reason, retry_after }) => {
                sends::not_sent(store, org, row, reason, retry_after).await
            }
            Err(SendError::Failed { reason }) if row.attempts < MAX_FAILURES => {
                sends::not_sent(store, org, row, reason, None).await
            }
            Err(SendError::Failed { reason } | SendError::Rejected { reason }) => {
                sends::give_up(store, org, send, reason).await
            }
            Err(SendError::Unsupported { reason }) => {
                sends::give_up(store, org, send, reason.to_owned()).await
            }
            Err(SendError::Unclear { reason }) => self.unclear(row, reason, backoff(row.attempts)).await,
        }
    }

    /// Calls the gateway.
    async fn call(&self, attempt: &Attempt) -> std::result::Result<Sent, SendError> {
        let Self { store, org, gateway, files, .. } = self;
        let not_stored =
            |error: Error| SendError::NotSent { reason: error.message().into_owned(), retry_after: None };
        let file = files.open(store, *org, attempt).await.map_err(not_stored)??;
        let message = outgoing_message(attempt);
        let time = if file.is_some() { FILE_TIMEOUT } else { SEND_TIMEOUT };
        timeout(time, gateway.send(&message, file)).await.unwrap_or_else(|_| {
            let seconds = time.as_secs();
            Err(SendError::Unclear { reason: format!("the gateway did not respond within {seconds} s") })
        })
    }

    /// Repeats what may have been sent if the gateway then sends it once; otherwise its outcome is unknown.
    async fn unclear(&self, row: &SendRow, reason: String, pause: Duration) -> Result<&'static str> {
        let Self { store, org, gateway, .. } = self;
        let may_repeat = match sends::content_of(row) {
            Ok(stored) if row.has_own_id && sends::is_young(row) => {
                gateway.can_repeat(&content(&stored)).await
            }
            Ok(_) | Err(_) => false,
        };
        match may_repeat {
            true => sends::repeat(store, *org, row.send_id, pause, reason).await.map(|()| QUEUED),
            false => sends::unclear(store, *org, row.send_id, reason).await.map(|()| UNKNOWN),
        }
    }
}

fn outgoing_message(attempt: &Attempt) -> OutgoingMessage {
    let row = &attempt.row;
    OutgoingMessage {
        send: row.send_id,
        message_id: row.message_id.clone().filter(|_| row.has_own_id),
        chat: row.address.clone(),
        reply_to: attempt.outgoing.reply_to.clone().map(QuotedMessage::from),
        content: content(&attempt.outgoing.content),
    }
}

fn warn(error: &Error) {
    tracing::warn!(reason = causes(error), "the outbox of a connection failed");
}
