//! A connector's side of a stream of commands.

use std::time::Duration;

use switchboard::pb::commands_request::{Done, Open, Request};
use switchboard::pb::commands_response::Response;
use switchboard::pb::ingest_service_client::IngestServiceClient;
use switchboard::pb::{Command, CommandsRequest, CommandsResponse};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::support::in_time;

/// Long enough for a pending command to arrive.
const QUIET: Duration = Duration::from_millis(1500);

/// A connector that requests the lease of a session.
pub struct Holder {
    requests: mpsc::Sender<CommandsRequest>,
    answers: Streaming<CommandsResponse>,
}

impl Holder {
    /// Requests the lease.
    pub async fn request(url: &str, key: &str, session: &str) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(8);
        let channel = tonic::transport::Channel::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let mut request = tonic::Request::new(ReceiverStream::new(sent));
        let token = format!("Bearer {key}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        let answers = IngestServiceClient::new(channel).commands(request).await?.into_inner();
        let holder = Self { requests, answers };
        holder.send(Request::Open(Open { session: session.to_owned(), sends: false })).await;
        Ok(holder)
    }

    /// Requests the lease and waits for it.
    pub async fn open(url: &str, key: &str, session: &str) -> Self {
        let mut holder = Self::request(url, key, session).await.expect("a stream");
        holder.opened().await.expect("the lease");
        holder
    }

    /// The next response, or the error with which the stream ends.
    async fn answer(&mut self) -> Result<Option<Response>, Status> {
        let answer = in_time("a response", self.answers.message()).await?;
        Ok(answer.and_then(|answer| answer.response))
    }

    /// Waits until it holds the lease.
    pub async fn opened(&mut self) -> Result<(), Status> {
        match self.answer().await? {
            Some(Response::Opened(_)) => Ok(()),
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Sends a message, unless the stream has ended.
    pub async fn send(&self, request: Request) {
        let _ = self.requests.send(CommandsRequest { request: Some(request) }).await;
    }

    /// Acknowledges commands.
    pub async fn done(&self, commands: &[Command]) {
        self.send(Request::Done(Done { ids: commands.iter().map(|command| command.id).collect() })).await;
    }

    /// The next command.
    pub async fn next(&mut self) -> Result<Command, Status> {
        match self.answer().await? {
            Some(Response::Command(command)) => Ok(command),
            other => panic!("no command: {other:?}"),
        }
    }

    /// The next commands.
    pub async fn take(&mut self, count: usize) -> Vec<Command> {
        let mut commands = Vec::new();
        while commands.len() < count {
            commands.push(self.next().await.expect("a command"));
        }
        commands
    }

    /// Whether no message arrives for a while.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.answers.message()).await.is_err()
    }
}
