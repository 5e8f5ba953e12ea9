//! One sender's stream: reads events while a batch is being stored, and no more than fit into the next batch.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::decode;
use super::reading::shutting_down;
use crate::actions::ingest::{Batch, Mark, SessionScope};
use crate::actions::senders::{self, Sender};
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::error::{Error, Kind, Result, is_own, with_origin};
use crate::fair_share::Unprocessed;
use crate::pb::ingest_json::snake_case;
use crate::pb::ingest_request::{Open, Request};
use crate::pb::ingest_response::{Acknowledgement, Opened, Rejection, Response};
use crate::pb::{IngestRequest, IngestResponse};
use crate::store::Store;
use crate::telemetry::causes;
use crate::telemetry::metrics::GaugeGuard;

/// What frames a message: five bytes of gRPC, and the tag and length of the event.
const MESSAGE_OVERHEAD: usize = 5 + 5;

type Responses = mpsc::Sender<Result<IngestResponse, Status>>;
type Writing = Pin<Box<dyn Future<Output = Result<Acknowledgement>> + Send>>;

/// An open stream.
pub(super) struct IngestStream {
    store: Store,
    writers: Arc<Semaphore>,
    closing: CancellationToken,
    caller: Arc<Caller>,
    scope: SessionScope,
    responses: Responses,
    sender: Option<Sender>,
    /// The sequence number of the last event that was acknowledged.
    acknowledged: i64,
    /// The sequence number of the last event that was read.
    sequence: i64,
    batch: Batch<i64>,
    unprocessed: Unprocessed,
    /// The bytes of the batch.
    read_bytes: usize,
    _gauge: GaugeGuard,
}

impl IngestStream {
    pub(super) fn new(
        store: Store,
        writers: Arc<Semaphore>,
        closing: CancellationToken,
        (caller, scope): (Arc<Caller>, SessionScope),
        unprocessed: Unprocessed,
        responses: Responses,
    ) -> Self {
        Self {
            store,
            writers,
            closing,
            caller,
            scope,
            responses,
            sender: None,
            acknowledged: 0,
            sequence: 0,
            batch: Batch::default(),
            unprocessed,
            read_bytes: 0,
            _gauge: GaugeGuard::stream("/switchboard.v1.IngestService/Ingest"),
        }
    }

    /// Serves the stream to its end.
    pub(super) async fn run(mut self, events: Streaming<IngestRequest>, credential_check: CredentialCheck) {
        let (responses, caller) = (self.responses.clone(), self.caller.clone());
        // When the sender disconnects, a batch that is being stored is committed or not, as with a later disconnect.
        let outcome = tokio::select! {
            outcome = self.serve(events) => outcome,
            lost = credential_check.lost(&caller) => Err(lost.into()),
            () = responses.closed() => return,
        };
        if let Err(status) = outcome {
            log(&status);
            let _ = responses.send(Err(status)).await;
        }
    }

    async fn serve(&mut self, mut events: Streaming<IngestRequest>) -> Result<(), Status> {
        if !self.open(&mut events).await? {
            return Ok(());
        }
        let closing = self.closing.clone();
        let mut writing: Option<Writing> = None;
        // Set once nothing more is read: the sender has closed its half, or the stream fails with this.
        let mut end: Option<Result<(), Status>> = None;
        loop {
            if writing.is_none() && !self.batch.is_empty() {
                writing = Some(self.write());
            }
            if writing.is_none()
                && let Some(end) = end
            {
                return end;
            }
            tokio::select! {
                // Acknowledge before reading more.
                biased;
                acknowledged = finished(&mut writing) => {
                    writing = None;
                    let acknowledged = acknowledged?;
                    self.acknowledged = acknowledged.sequence;
                    self.respond(Response::Acknowledgement(acknowledged)).await;
                }
                () = closing.cancelled(), if end.is_none() => {
                    end = Some(Err(shutting_down().into()));
                }
                event = events.message(), if end.is_none() && self.has_room(writing.is_some()) => match event {
                    Ok(Some(request)) => if let Err(error) = self.read(request) {
                        end = Some(Err(error.into()));
                    },
                    Ok(None) => end = Some(Ok(())),
                    Err(status) => end = Some(Err(read_error(&status, self.sequence))),
                },
            }
        }
    }

    /// Whether another event may be read. When the organization's streams together hold much, one at a time.
    fn has_room(&self, is_writing: bool) -> bool {
        let holds_nothing = !is_writing && self.batch.is_empty();
        !self.batch.is_full() && (holds_nothing || !self.unprocessed.is_tight())
    }

    /// Reads the first message and answers it. Returns false when the sender sent none.
    async fn open(&mut self, events: &mut Streaming<IngestRequest>) -> Result<bool, Status> {
        let first = tokio::select! {
            first = events.message() => first.map_err(|status| read_error(&status, 0))?,
            () = self.closing.cancelled() => return Err(shutting_down().into()),
        };
        let name = match first.map(|first| first.request) {
            None => return Ok(false),
            Some(Some(Request::Open(Open { sender }))) => sender,
            Some(Some(Request::Event(_)) | None) => {
                return Err(Error::invalid("open", "must be the first message").into());
            }
        };
        self.sender = senders::named(&self.caller, name)?;
        let acknowledged = match self.sender.clone() {
            Some(sender) => senders::open(&self.store, self.caller.org, sender).await?,
            None => 0,
        };
        self.acknowledged = acknowledged;
        self.respond(Response::Opened(Opened { acknowledged })).await;
        Ok(true)
    }

    /// Adds an event to the batch. Fails when the sender breaks the rules of the stream.
    fn read(&mut self, request: IngestRequest) -> Result<()> {
        let bytes = match request.request {
            Some(Request::Event(bytes)) => bytes,
            Some(Request::Open(_)) | None => {
                return Err(Error::invalid("event", "must be in every message but the first"));
            }
        };
        let sequence = decode::sequence(&bytes)?;
        if sequence <= self.sequence {
            let problem = "must be greater than 0 and greater than the previous one";
            return Err(Error::invalid("event.sequence", problem));
        }
        self.sequence = sequence;
        self.read_bytes += bytes.len() + MESSAGE_OVERHEAD;
        self.batch.push(sequence, decode::event(&bytes), bytes.len());
        Ok(())
    }

    /// Starts to store the batch.
    fn write(&mut self) -> Writing {
        let (store, writers, sequence) = (self.store.clone(), self.writers.clone(), self.sequence);
        let scope = self.scope.clone();
        let acknowledged = self.acknowledged;
        let mark = self.sender.clone().map(|sender| Mark { sender, acknowledged, sequence });
        let batch = std::mem::take(&mut self.batch);
        let (unprocessed, bytes) = (self.unprocessed.clone(), std::mem::take(&mut self.read_bytes));
        Box::pin(async move {
            let _permit = writers.acquire().await.map_err(Error::internal)?;
            let mut rejected = batch.apply(&store, &scope, mark).await?.rejected;
            unprocessed.processed(bytes);
            rejected.sort_by_key(|(sequence, _)| *sequence);
            let rejected = rejected.iter().map(|(sequence, error)| rejection(*sequence, error)).collect();
            Ok(Acknowledgement { sequence, rejected })
        })
    }

    /// Waits for room for the response. When the sender has disconnected, the stream is about to end anyway.
    async fn respond(&self, response: Response) {
        let _ = self.responses.send(Ok(IngestResponse { response: Some(response) })).await;
    }
}

/// Why nothing can be read after that event: the sender disconnected, or sent a message without a sequence number, or one
/// that cannot be decompressed.
fn read_error(status: &Status, after: i64) -> Status {
    if is_own(status) {
        return status.clone();
    }
    // Errors of the connection have a source, tonic's own errors have none.
    if status.source().is_some() {
        return Status::cancelled("the sender disconnected");
    }
    if status.code() == Code::OutOfRange {
        let message = format!("the message after event {after} is too large to be read: skip it");
        return Error::new(Kind::TooLarge, message).into();
    }
    if status.code() == Code::Internal {
        let problem = format_args!("must be an IngestRequest in the message after event {after}");
        return Error::invalid("request", problem).into();
    }
    status.clone()
}

/// Logs the end of a stream. The call itself was logged when it was opened.
fn log(status: &Status) {
    let (code, error) = (status.code(), with_origin(status, |error| causes(error)));
    if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss) {
        tracing::error!(?code, error, "ingest stream failed");
    } else if code == Code::Cancelled {
        tracing::info!(?code, "ingest stream: the sender disconnected");
    } else if code == Code::Unavailable {
        tracing::warn!(?code, error, "ingest stream ended");
    } else {
        tracing::info!(?code, "ingest stream rejected");
    }
}

/// Waits for the batch; for ever when none is being stored.
async fn finished(writing: &mut Option<Writing>) -> Result<Acknowledgement> {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

/// The rejection with fields as the proto spells them; errors have the spelling of JSON.
fn rejection(sequence: i64, error: &Error) -> Rejection {
    if error.kind() == Kind::Internal {
        tracing::error!(reason = causes(error), "an event could not be stored");
    }
    let code = error.kind().row().code as i32;
    let field = error.fields().first().map(|violation| snake_case(&violation.field)).unwrap_or_default();
    let message = error.message_spelled(|field| snake_case(field).into()).into_owned();
    Rejection { sequence, code, field, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disconnect_of_the_sender_is_cancelled() {
        let broken = Status::from_error(std::io::Error::other("connection reset").into());
        assert_eq!(broken.code(), Code::Unknown);
        assert_eq!(read_error(&broken, 7).code(), Code::Cancelled);
        for (found, expected) in
            [(Code::OutOfRange, Code::ResourceExhausted), (Code::Internal, Code::InvalidArgument)]
        {
            let status = read_error(&Status::new(found, "a message of tonic"), 7);
            assert_eq!(status.code(), expected);
            assert!(status.message().contains("after event 7"), "{}", status.message());
        }
    }

    #[test]
    fn rejection_names_the_field_as_the_proto_does() {
        let error = Error::invalid("message.deliveryInfo.read.15550101001@c.us", "must be Unix milliseconds");
        let rejection = rejection(7, &error);
        assert_eq!((rejection.sequence, rejection.code), (7, 3));
        assert_eq!(rejection.field, "message.delivery_info.read.15550101001@c.us");
        assert!(rejection.message.starts_with(&rejection.field), "{}", rejection.message);
    }
}
