//! One connector's stream of commands: waits until it may have its number, then hands on what is to be done there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::next;
use crate::actions::commands::{self, Change, CommandNotifier, ConnectorLease, LEASE};
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::pb::commands_request::{Done, Open, Request};
use crate::pb::commands_response::{Opened, Response};
use crate::pb::{Command, CommandsRequest, CommandsResponse, command};
use crate::store::Store;
use crate::telemetry::metrics::Present;

/// Commands that a connector may leave without an answer before it gets no more. Fewer than are looked at together.
const UNANSWERED: usize = 64;
/// Room for all of them, so that handing one on never waits.
pub(super) const ROOM: usize = UNANSWERED + 1;
const RENEW: Duration = Duration::from_secs(3);
/// How often it is asked whether a number is free.
const ASK: Duration = Duration::from_millis(500);

type Answers = mpsc::Sender<Result<CommandsResponse, Status>>;

/// A stream of commands.
pub(super) struct Commands {
    store: Store,
    bells: CommandNotifier,
    closing: CancellationToken,
    caller: Arc<Caller>,
    answers: Answers,
    _present: Present,
}

/// The number is the connector's until then, if it is not told otherwise.
struct Held {
    hold: ConnectorLease,
    until: Instant,
}

impl Commands {
    pub(super) fn new(
        store: Store,
        bells: CommandNotifier,
        closing: CancellationToken,
        caller: Arc<Caller>,
        answers: Answers,
    ) -> Self {
        let _present = Present::stream("/switchboard.v1.IngestService/Commands");
        Self { store, bells, closing, caller, answers, _present }
    }

    /// Serves the stream to its end.
    pub(super) async fn run(self, mut requests: Streaming<CommandsRequest>) {
        let outcome = match self.open(&mut requests).await {
            Ok(Some(hold)) => {
                let outcome = tokio::select! {
                    outcome = self.serve(hold, &mut requests) => outcome,
                    () = self.answers.closed() => Ok(()),
                };
                // Whoever waits for the number need not wait for the lease to end.
                if let Err(error) = hold.release(&self.store).await {
                    tracing::warn!(%error, "a number was not let go of before its lease ends");
                }
                outcome
            }
            Ok(None) => Ok(()),
            Err(status) => Err(status),
        };
        if let Err(status) = outcome {
            tracing::info!(code = ?status.code(), "a stream of commands ended");
            let _ = self.answers.send(Err(status)).await;
        }
    }

    /// Reads the first message. `None` when there is none.
    async fn open(
        &self,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<Option<ConnectorLease>, Status> {
        let first = tokio::select! {
            first = next(requests) => first?,
            () = self.closing.cancelled() => return Err(stops().into()),
        };
        match first.map(|first| first.request) {
            None => Ok(None),
            Some(Some(Request::Open(Open { session }))) => {
                Ok(Some(ConnectorLease::find(&self.store, &self.caller, &session).await?))
            }
            Some(Some(Request::Done(_)) | None) => {
                Err(Error::invalid("open", "must be the first message").into())
            }
        }
    }

    async fn serve(
        &self,
        hold: ConnectorLease,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<(), Status> {
        let Some(mut held) = self.wait_for(hold, requests).await? else { return Ok(()) };
        self.answer(Response::Opened(Opened {})).await;
        let bell = self.bells.subscribe(&hold);
        let mut renew = interval(RENEW);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = BTreeSet::new();
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Err(stops().into()),
                _ = renew.tick() => self.renew(&mut held).await?,
                request = next(requests) => match request?.map(|request| request.request) {
                    None => return Ok(()),
                    Some(Some(Request::Done(Done { ids }))) => {
                        unanswered.retain(|id| !ids.contains(id));
                        hold.acknowledge(&self.store, ids).await?;
                    }
                    Some(Some(Request::Open(_)) | None) => {
                        return Err(Error::invalid("done", "must be in every message but the first").into());
                    }
                },
                () = bell.notified() => self.hand_on(&held, &mut unanswered).await?,
            }
        }
    }

    /// Waits until nobody else has the number. `None` when the connector does not.
    async fn wait_for(
        &self,
        hold: ConnectorLease,
        requests: &mut Streaming<CommandsRequest>,
    ) -> Result<Option<Held>, Status> {
        loop {
            let until = Instant::now() + LEASE;
            if hold.acquire(&self.store).await? {
                return Ok(Some(Held { hold, until }));
            }
            tokio::select! {
                () = self.closing.cancelled() => return Err(stops().into()),
                request = next(requests) => match request? {
                    None => return Ok(None),
                    Some(_) => {
                        return Err(Error::invalid("done", "must not come before the answer to open").into());
                    }
                },
                () = sleep(ASK) => {}
            }
        }
    }

    /// Keeps the number. A database that is gone for a moment is no reason to let it go before the lease ends.
    async fn renew(&self, held: &mut Held) -> Result<()> {
        let until = Instant::now() + LEASE;
        match held.hold.acquire(&self.store).await {
            Ok(true) => held.until = until,
            Ok(false) => return Err(lost()),
            Err(error) if is_passing(&error) && Instant::now() < held.until => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Hands on what waits and was not handed on before. What is not there any more will not be answered: a newer change
    /// took its place.
    async fn hand_on(&self, held: &Held, unanswered: &mut BTreeSet<i64>) -> Result<()> {
        let waiting = match held.hold.pending(&self.store).await {
            Ok(waiting) => waiting,
            Err(error) if is_passing(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        if Instant::now() >= held.until {
            return Err(lost());
        }
        unanswered.retain(|id| waiting.iter().any(|command| command.id == *id));
        for command in waiting {
            if unanswered.len() == UNANSWERED {
                break;
            }
            if unanswered.insert(command.id) {
                self.answer(Response::Command(to_wire(&command))).await;
            }
        }
        Ok(())
    }

    /// When the connector has gone, the stream is about to end anyway.
    async fn answer(&self, response: Response) {
        let _ = self.answers.send(Ok(CommandsResponse { response: Some(response) })).await;
    }
}

fn to_wire(told: &commands::Command) -> Command {
    let change = match told.change {
        Change::Archived(archived) => command::Change::Archived(archived),
        Change::Pinned(pinned) => command::Change::Pinned(pinned),
        Change::Muted(until) => command::Change::Mute(command::Mute { until: until.map(Into::into) }),
        Change::Read(up_to) => command::Change::Read(command::Read { up_to: up_to.map(Into::into) }),
        Change::Unread => command::Change::Unread(command::Unread {}),
    };
    Command { id: told.id, chat: told.chat.to_jid(), change: Some(change) }
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Overloaded)
}

fn lost() -> Error {
    Error::new(Kind::Aborted, "another connector has the number now")
}

fn stops() -> Error {
    Error::new(Kind::Unavailable, "the service stops")
}
