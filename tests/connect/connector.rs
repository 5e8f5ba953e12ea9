//! A connector that carries out what API clients send.

use std::time::Duration;

use switchboard::pb::commands_request::outcome::Result as Reported;
use switchboard::pb::commands_request::{Open, Outcome, Request};
use switchboard::pb::commands_response::Response;
use switchboard::pb::ingest_service_client::IngestServiceClient;
use switchboard::pb::send_command::Content;
use switchboard::pb::{CommandsRequest, CommandsResponse, SendCommand};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::support::in_time;

/// Long enough for a send that is due to arrive.
const QUIET: Duration = Duration::from_millis(1500);

/// The stream of a connector that carries out sends.
pub struct Connector {
    requests: mpsc::Sender<CommandsRequest>,
    answers: Streaming<CommandsResponse>,
}

impl Connector {
    /// Opens the stream and waits for the lease.
    pub async fn open(url: &str, key: &str, session: &str) -> Self {
        Self::try_open(url, key, session).await.expect("the lease")
    }

    /// Opens the stream and waits for the lease, or for the error with which the stream ends.
    pub async fn try_open(url: &str, key: &str, session: &str) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(8);
        let channel = tonic::transport::Channel::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let mut request = tonic::Request::new(ReceiverStream::new(sent));
        let token = format!("Bearer {key}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        let open = Request::Open(Open { session: session.to_owned(), sends: true });
        requests.send(CommandsRequest { request: Some(open) }).await.expect("an open stream");
        let answers =
            IngestServiceClient::new(channel).commands(request).await.expect("a stream").into_inner();
        let mut connector = Self { requests, answers };
        match connector.answer().await? {
            Some(Response::Opened(_)) => Ok(connector),
            other => panic!("not opened: {other:?}"),
        }
    }

    /// The next response, or the error with which the stream ends.
    async fn answer(&mut self) -> Result<Option<Response>, Status> {
        let answer = in_time("a response", self.answers.message()).await?;
        Ok(answer.and_then(|answer| answer.response))
    }

    /// The next send.
    pub async fn next(&mut self) -> SendCommand {
        match self.answer().await.expect("a send") {
            Some(Response::Send(send)) => send,
            other => panic!("no send: {other:?}"),
        }
    }

    /// The error with which the stream ends.
    pub async fn end(&mut self) -> Status {
        self.answer().await.expect_err("an error")
    }

    /// Whether a part of a file arrived; `false` when the stream has ended.
    pub async fn end_or_part(&mut self) -> bool {
        match self.answer().await {
            Ok(Some(Response::FilePart(_))) => true,
            Ok(other) => panic!("no part: {other:?}"),
            Err(_) => false,
        }
    }

    /// The next send; `None` when the stream has ended.
    pub async fn try_next(&mut self) -> Option<SendCommand> {
        match self.answer().await.ok()?? {
            Response::Send(send) => Some(send),
            other @ (Response::Opened(_) | Response::Command(_) | Response::FilePart(_)) => {
                panic!("no send: {other:?}")
            }
        }
    }

    /// The file of a send whose parts come next.
    pub async fn file(&mut self, send: &SendCommand) -> Vec<u8> {
        let Some(Content::Media(media)) = &send.content else { panic!("no file: {send:?}") };
        let mut file = media.data.clone();
        while (file.len() as u64) < media.size {
            match self.answer().await.expect("a part") {
                Some(Response::FilePart(part)) if part.queue_id == send.queue_id => file.extend(part.data),
                other => panic!("no part: {other:?}"),
            }
        }
        file
    }

    /// Reports what became of a send.
    pub async fn report(&self, send: &SendCommand, result: Reported) {
        assert!(self.try_report(send, result).await, "the stream has ended");
    }

    /// Reports what became of a send, unless the stream has ended.
    pub async fn try_report(&self, send: &SendCommand, result: Reported) -> bool {
        let outcome = Outcome { queue_id: send.queue_id.clone(), result: Some(result) };
        let request = Some(Request::Outcome(outcome));
        self.requests.send(CommandsRequest { request }).await.is_ok()
    }

    /// Whether no send arrives for a while.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.answers.message()).await.is_err()
    }
}

/// The text of a send.
pub fn text(send: &SendCommand) -> String {
    match &send.content {
        Some(Content::Text(text)) => text.body.clone(),
        other => panic!("no text: {other:?}"),
    }
}
