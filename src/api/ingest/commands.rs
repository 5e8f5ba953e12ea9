//! One connector's stream of commands: waits for the lease of its session, then sends the session's commands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::reading::{next, shutting_down};
use super::sending::Sending;
use super::sends::finish;
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::commands::{self, Change, ConnectorLease, LEASE};
use crate::actions::sends::requeue_interrupted;
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::connect::outbox::Files;
use crate::connect::sending::check_connector;
use crate::error::{Error, Kind, Result};
use crate::fair_share::Unprocessed;
use crate::pb::commands_request::{Done, Open, Request};
use crate::pb::commands_response::{Opened, Response};
use crate::pb::{Command, CommandsRequest, CommandsResponse, command};
use crate::store::Store;
use crate::telemetry::metrics::GaugeGuard;

/// Maximum number of unacknowledged commands. Fewer than are read together.
const MAX_UNACKNOWLEDGED: usize = 64;
/// Room for all of them, sends and `opened`, so that sending rarely waits.
pub(super) const CHANNEL_SIZE: usize = 2 * MAX_UNACKNOWLEDGED;
/// How often the lease is renewed.
const RENEWAL: Duration = Duration::from_secs(3);

type Responses = mpsc::Sender<Result<CommandsResponse, Status>>;

/// A stream of commands.
pub(super) struct Commands {
    store: Store,
    files: Files,
    notifier: CommandNotifier,
    closing: CancellationToken,
    caller: Arc<Caller>,
    unprocessed: Unprocessed,
    responses: Responses,
    _gauge: GaugeGuard,
}

/// A lease that this stream holds.
struct Lease {
    hold: ConnectorLease,
    expires: Instant,
    /// The pace of the session's connection, as it was then.
    sends_per_minute: Option<i32>,
}

impl Commands {
    pub(super) fn new(
        (store, files): (Store, Files),
        notifier: CommandNotifier,
        closing: CancellationToken,
        caller: Arc<Caller>,
        unprocessed: Unprocessed,
        responses: Responses,
    ) -> Self {
        let _gauge = GaugeGuard::stream("/switchboard.v1.IngestService/Commands");
        Self { store, files, notifier, closing, caller, unprocessed, responses, _gauge }
    }

    /// Serves the stream to its end.
    pub(super) async fn run(
        self,
        mut requests: Streaming<CommandsRequest>,
        credential_check: CredentialCheck,
    ) {
        let mut hold = None;
        let outcome = tokio::select! {
            outcome = self.open_and_serve(&mut hold, &mut requests) => outcome,
            lost = credential_check.lost(&self.caller) => Err(lost.into()),
            () = self.responses.closed() => Ok(()),
        };
        // So that another stream need not wait until the lease expires.
        if let Some(hold) = hold {
            match hold.release(&self.store).await {
                Ok(()) => self.notifier.released(),
                Err(error) => tracing::warn!(%error, "the lease of a session was not released; it expires"),
            }
        }
        if let Err(status) = outcome {
            tracing::info!(code = ?status.code(), "command stream ended");
            let _ = self.responses.send(Err(status)).await;
        }
    }

    /// Leaves the lease that it may hold in `hold`.
    async fn open_and_serve(
        &self,
        hold: &mut Option<ConnectorLease>,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<(), Status> {
        let Some((found, sends)) = self.open(requests).await? else { return Ok(()) };
        *hold = Some(found);
        self.serve(found, sends, requests).await
    }

    /// Reads the first message: the lease, and whether the connector carries out sends. Returns `None` when there is none.
    async fn open(
        &self,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<Option<(ConnectorLease, bool)>, Status> {
        let first = tokio::select! {
            first = next(requests) => first?,
            () = self.closing.cancelled() => return Err(shutting_down().into()),
        };
        match first.map(|first| first.request) {
            None => Ok(None),
            Some(Some(Request::Open(Open { session, sends }))) => {
                Ok(Some((ConnectorLease::find(&self.store, &self.caller, &session).await?, sends)))
            }
            Some(Some(Request::Done(_) | Request::Outcome(_)) | None) => {
                Err(Error::invalid("open", "must be the first message").into())
            }
        }
    }

    async fn serve(
        &self,
        hold: ConnectorLease,
        sends: bool,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<(), Status> {
        let Some(mut lease) = self.wait_for_lease(hold, requests).await? else { return Ok(()) };
        if sends {
            requeue_interrupted(&self.store, hold).await?;
        }
        self.respond(Response::Opened(Opened {})).await;
        let signal = self.notifier.subscribe(&hold);
        let mut renew = interval(RENEWAL);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unacknowledged = BTreeSet::new();
        let mut sending = Sending::new(
            (self.store.clone(), self.files.clone()),
            (self.caller.org, hold),
            lease.sends_per_minute,
        );
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Err(shutting_down().into()),
                _ = renew.tick() => self.renew(&mut lease).await?,
                outcome = self.send_part(&mut sending), if !sending.is_empty() => outcome?,
                request = next(requests) => match request?.map(|request| request.request) {
                    None => return Ok(()),
                    Some(Some(Request::Done(Done { ids }))) => {
                        unacknowledged.retain(|id| !ids.contains(id));
                        hold.acknowledge(&self.store, ids).await?;
                        // The largest part of it belongs to this message: a connector waits for commands in between.
                        self.unprocessed.processed(usize::MAX);
                    }
                    Some(Some(Request::Outcome(outcome))) => {
                        finish(&self.store, hold, outcome).await?;
                        self.unprocessed.processed(usize::MAX);
                        self.send_next(&lease, sends, &mut sending).await?;
                    }
                    Some(Some(Request::Open(_)) | None) => {
                        return Err(Error::invalid("done", "must be in every message but the first").into());
                    }
                },
                () = signal.notified() => {
                    self.send_pending(&lease, &mut unacknowledged).await?;
                    self.send_next(&lease, sends, &mut sending).await?;
                }
            }
        }
    }

    /// Waits for the lease. Returns `None` when the connector closes its half.
    async fn wait_for_lease(
        &self,
        hold: ConnectorLease,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<Option<Lease>, Status> {
        if let Some(lease) = self.acquire(hold).await? {
            return Ok(Some(lease));
        }
        let signal = self.notifier.wait(&hold)?;
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Err(shutting_down().into()),
                request = next(requests) => match request? {
                    None => return Ok(None),
                    Some(_) => {
                        return Err(Error::invalid("done", "must not be sent before the response to open").into());
                    }
                },
                () = signal.notified() => if let Some(lease) = self.acquire(hold).await? {
                    return Ok(Some(lease));
                },
            }
        }
    }

    /// Acquires or renews a lease, unless the service itself serves the session's connection.
    async fn acquire(&self, hold: ConnectorLease) -> Result<Option<Lease>> {
        let expires = Instant::now() + LEASE;
        let sends_per_minute = check_connector(&self.store, self.caller.org, hold.session).await?;
        Ok(hold.acquire(&self.store).await?.then_some(Lease { hold, expires, sends_per_minute }))
    }

    /// Renews the lease. While the database is unavailable, the lease is held until it expires.
    async fn renew(&self, lease: &mut Lease) -> Result<()> {
        match self.acquire(lease.hold).await {
            Ok(Some(renewed)) => *lease = renewed,
            Ok(None) => return Err(lost()),
            Err(error) if is_transient(&error) && Instant::now() < lease.expires => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends the commands that were not sent before. Commands that newer ones replaced need no acknowledgement.
    async fn send_pending(&self, lease: &Lease, unacknowledged: &mut BTreeSet<i64>) -> Result<()> {
        let pending = match lease.hold.pending(&self.store).await {
            Ok(pending) => pending,
            Err(error) if is_transient(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        if Instant::now() >= lease.expires {
            return Err(lost());
        }
        unacknowledged.retain(|id| pending.iter().any(|command| command.id == *id));
        for command in pending {
            if unacknowledged.len() == MAX_UNACKNOWLEDGED {
                break;
            }
            if unacknowledged.insert(command.id) {
                self.respond(Response::Command(to_wire(&command))).await;
            }
        }
        Ok(())
    }

    /// Sends what API clients send.
    async fn send_next(&self, lease: &Lease, sends: bool, sending: &mut Sending) -> Result<()> {
        if !sends {
            return Ok(());
        }
        match sending.begin(lease.sends_per_minute).await {
            Err(error) if is_transient(&error) => return Ok(()),
            begun => begun?,
        }
        if Instant::now() >= lease.expires { Err(lost()) } else { Ok(()) }
    }

    /// Sends what is ready of the sends that are given to the connector, when it has read enough of what was sent before.
    async fn send_part(&self, sending: &mut Sending) -> Result<()> {
        // An error means that the connector has disconnected.
        let Ok(place) = self.responses.reserve().await else { return Ok(()) };
        if let Some(response) = sending.next().await {
            place.send(Ok(CommandsResponse { response: Some(response?) }));
        }
        Ok(())
    }

    /// When the connector has disconnected, the stream is about to end anyway.
    async fn respond(&self, response: Response) {
        let _ = self.responses.send(Ok(CommandsResponse { response: Some(response) })).await;
    }
}

fn to_wire(command: &commands::Command) -> Command {
    let change = match command.change {
        Change::Archived(archived) => command::Change::Archived(archived),
        Change::Pinned(pinned) => command::Change::Pinned(pinned),
        Change::Muted(until) => command::Change::Mute(command::Mute { until: until.map(Into::into) }),
        Change::Read(up_to) => command::Change::Read(command::Read { up_to: up_to.map(Into::into) }),
        Change::Unread => command::Change::Unread(command::Unread {}),
    };
    Command { id: command.id, chat: command.chat.to_jid(), change: Some(change) }
}

fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Overloaded)
}

fn lost() -> Error {
    Error::new(Kind::Aborted, "another connector holds the lease of the session")
}
