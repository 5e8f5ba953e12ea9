//! One sender's stream: reads events while a batch is being stored, and no more than fit into the next one.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::numbered;
use crate::actions::ingest::{Batch, Mark, SessionScope};
use crate::actions::senders::{self, Sender};
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::error::{Error, Kind, Result, with_origin};
use crate::pb::ingest_request::{Open, Request};
use crate::pb::ingest_response::{Acknowledgement, Opened, Refusal, Response};
use crate::pb::{IngestRequest, IngestResponse};
use crate::store::Store;
use crate::telemetry::causes;
use crate::telemetry::metrics::Present;

type Answers = mpsc::Sender<Result<IngestResponse, Status>>;
type Writing = Pin<Box<dyn Future<Output = Result<Acknowledgement>> + Send>>;

/// A stream that is open.
pub(super) struct Feed {
    store: Store,
    writers: Arc<Semaphore>,
    closing: CancellationToken,
    caller: Arc<Caller>,
    answers: Answers,
    sender: Option<Sender>,
    /// The number of the event that was read last.
    sequence: i64,
    batch: Batch<i64>,
    _present: Present,
}

impl Feed {
    pub(super) fn new(
        store: Store,
        writers: Arc<Semaphore>,
        closing: CancellationToken,
        caller: Arc<Caller>,
        answers: Answers,
    ) -> Self {
        Self {
            store,
            writers,
            closing,
            caller,
            answers,
            sender: None,
            sequence: 0,
            batch: Batch::default(),
            _present: Present::stream("/switchboard.v1.IngestService/Ingest"),
        }
    }

    /// Serves the stream to its end.
    pub(super) async fn run(mut self, events: Streaming<IngestRequest>, credential_check: CredentialCheck) {
        let (answers, caller) = (self.answers.clone(), self.caller.clone());
        // A sender that has gone is told nothing. What was being stored then is stored or not, as if it went later.
        let outcome = tokio::select! {
            outcome = self.serve(events) => outcome,
            lost = credential_check.lost(&caller) => Err(lost.into()),
            () = answers.closed() => return,
        };
        if let Err(status) = outcome {
            log(&status);
            let _ = answers.send(Err(status)).await;
        }
    }

    async fn serve(&mut self, mut events: Streaming<IngestRequest>) -> Result<(), Status> {
        if !self.open(&mut events).await? {
            return Ok(());
        }
        let closing = self.closing.clone();
        let mut writing: Option<Writing> = None;
        // Why nothing more is read: the sender has said everything, or this.
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
                // What is done is told before more is read.
                biased;
                acknowledged = finished(&mut writing) => {
                    writing = None;
                    self.answer(Response::Acknowledgement(acknowledged?)).await;
                }
                () = closing.cancelled(), if end.is_none() => {
                    end = Some(Err(stops().into()));
                }
                event = events.message(), if end.is_none() && !self.batch.is_full() => match event {
                    Ok(Some(request)) => if let Err(error) = self.read(request) {
                        end = Some(Err(error.into()));
                    },
                    Ok(None) => end = Some(Ok(())),
                    Err(status) => end = Some(Err(unreadable(&status, self.sequence))),
                },
            }
        }
    }

    /// Reads the first message and answers it. False when the sender has nothing to say.
    async fn open(&mut self, events: &mut Streaming<IngestRequest>) -> Result<bool, Status> {
        let first = tokio::select! {
            first = events.message() => first.map_err(|status| unreadable(&status, 0))?,
            () = self.closing.cancelled() => return Err(stops().into()),
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
        self.answer(Response::Opened(Opened { acknowledged })).await;
        Ok(true)
    }

    /// Takes an event into the batch. Fails when the rules of the stream are broken.
    fn read(&mut self, request: IngestRequest) -> Result<()> {
        let bytes = match request.request {
            Some(Request::Event(bytes)) => bytes,
            Some(Request::Open(_)) | None => {
                return Err(Error::invalid("event", "must be in every message but the first"));
            }
        };
        let sequence = numbered::sequence(&bytes)?;
        if sequence <= self.sequence {
            return Err(Error::invalid("event.sequence", "must be greater than 0 and than the one before"));
        }
        self.sequence = sequence;
        self.batch.push(sequence, numbered::event(&bytes), bytes.len());
        Ok(())
    }

    /// Begins to store the batch.
    fn write(&mut self) -> Writing {
        let (store, writers, sequence) = (self.store.clone(), self.writers.clone(), self.sequence);
        let reach = SessionScope::from(&*self.caller);
        let mark = self.sender.clone().map(|sender| Mark { sender, sequence });
        let batch = std::mem::take(&mut self.batch);
        Box::pin(async move {
            let _permit = writers.acquire().await.map_err(Error::internal)?;
            let mut refused = batch.apply(&store, &reach, mark).await?.refused;
            refused.sort_by_key(|(sequence, _)| *sequence);
            let refused = refused.iter().map(|(sequence, error)| refusal(*sequence, error)).collect();
            Ok(Acknowledgement { sequence, refused })
        })
    }

    /// Waits until there is room for the answer. When the sender has gone, the stream is about to end anyway.
    async fn answer(&self, response: Response) {
        let _ = self.answers.send(Ok(IngestResponse { response: Some(response) })).await;
    }
}

/// Why nothing more can be read after that event: the sender broke off, or sent what cannot even be refused by its number.
fn unreadable(status: &Status, after: i64) -> Status {
    // Behind it is what the connection ran into. What tonic itself finds wrong has nothing behind it.
    if status.source().is_some() {
        return Status::cancelled("the sender went away");
    }
    if status.code() == Code::OutOfRange {
        let message = format!("the message after event {after} is larger than can be read: leave it out");
        return Error::new(Kind::TooLarge, message).into();
    }
    if status.code() == Code::Internal {
        let problem = format_args!("must be an IngestRequest in the message after event {after}");
        return Error::invalid("request", problem).into();
    }
    status.clone()
}

/// The log's line about a call was written when the stream was opened.
fn log(status: &Status) {
    let (code, error) = (status.code(), with_origin(status, |error| causes(error)));
    if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss) {
        tracing::error!(?code, error, "a stream of events failed");
    } else if code == Code::Cancelled {
        tracing::info!(?code, "the sender of a stream of events went away");
    } else if code == Code::Unavailable {
        tracing::warn!(?code, error, "a stream of events ended");
    } else {
        tracing::info!(?code, "a stream of events was refused");
    }
}

/// Waits for ever when nothing is being stored.
async fn finished(writing: &mut Option<Writing>) -> Result<Acknowledgement> {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

fn stops() -> Error {
    Error::new(Kind::Unavailable, "the service stops")
}

fn refusal(sequence: i64, error: &Error) -> Refusal {
    if error.kind() == Kind::Internal {
        tracing::error!(reason = causes(error), "an event could not be stored");
    }
    let code = error.kind().row().code as i32;
    let field = error.fields().first().map(|violation| snake_case(&violation.field)).unwrap_or_default();
    let message = error.message_spelled(|field| snake_case(field).into()).into_owned();
    Refusal { sequence, code, field, message }
}

/// A field's path as the proto spells it; the rules know the spelling of JSON lines.
fn snake_case(path: &str) -> String {
    let mut spelled = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_lowercase());
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_goes_away_is_no_fault_of_ours() {
        let broken = Status::from_error(std::io::Error::other("connection reset").into());
        assert_eq!(broken.code(), Code::Unknown);
        assert_eq!(unreadable(&broken, 7).code(), Code::Cancelled);
        for (found, told) in
            [(Code::OutOfRange, Code::ResourceExhausted), (Code::Internal, Code::InvalidArgument)]
        {
            let status = unreadable(&Status::new(found, "tonic's words"), 7);
            assert_eq!(status.code(), told);
            assert!(status.message().contains("after event 7"), "{}", status.message());
        }
    }

    #[test]
    fn a_refusal_names_the_field_as_the_proto_spells_it() {
        let error = Error::invalid("message.deliveryInfo.read.15550101001@c.us", "must be Unix milliseconds");
        let refusal = refusal(7, &error);
        assert_eq!((refusal.sequence, refusal.code), (7, 3));
        assert_eq!(refusal.field, "message.delivery_info.read.15550101001@c.us");
        assert!(refusal.message.starts_with(&refusal.field), "{}", refusal.message);
    }
}
