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

/// Long enough for what waits to come, if it comes.
const QUIET: Duration = Duration::from_millis(1500);

/// A connector that wants to have a number.
pub struct Holder {
    requests: mpsc::Sender<CommandsRequest>,
    answers: Streaming<CommandsResponse>,
}

impl Holder {
    /// Asks for a number.
    pub async fn ask(url: &str, key: &str, session: &str) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(8);
        let channel = tonic::transport::Channel::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let mut request = tonic::Request::new(ReceiverStream::new(sent));
        let token = format!("Bearer {key}").parse().expect("a header value");
        request.metadata_mut().insert("authorization", token);
        let answers = IngestServiceClient::new(channel).commands(request).await?.into_inner();
        let holder = Self { requests, answers };
        holder.say(Request::Open(Open { session: session.to_owned() })).await;
        Ok(holder)
    }

    /// Asks for a number and gets it.
    pub async fn open(url: &str, key: &str, session: &str) -> Self {
        let mut holder = Self::ask(url, key, session).await.expect("a stream");
        holder.opened().await.expect("it is free");
        holder
    }

    /// Waits until it has the number.
    pub async fn opened(&mut self) -> Result<(), Status> {
        match self.answers.message().await?.and_then(|answer| answer.response) {
            Some(Response::Opened(_)) => Ok(()),
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Says something, unless the stream is over.
    pub async fn say(&self, request: Request) {
        let _ = self.requests.send(CommandsRequest { request: Some(request) }).await;
    }

    /// Says that commands are done.
    pub async fn done(&self, commands: &[Command]) {
        self.say(Request::Done(Done { ids: commands.iter().map(|command| command.id).collect() })).await;
    }

    /// The next command.
    pub async fn next(&mut self) -> Result<Command, Status> {
        match self.answers.message().await?.and_then(|answer| answer.response) {
            Some(Response::Command(command)) => Ok(command),
            other => panic!("no command: {other:?}"),
        }
    }

    /// The next so many commands.
    pub async fn take(&mut self, count: usize) -> Vec<Command> {
        let mut commands = Vec::new();
        while commands.len() < count {
            commands.push(self.next().await.expect("a command"));
        }
        commands
    }

    /// Whether nothing comes for a while.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.answers.message()).await.is_err()
    }
}
