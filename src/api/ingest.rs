//! `switchboard.v1.IngestService`: the streams of connectors.

mod commands;
mod decode;
mod reading;
mod sending;
mod sends;
mod stream;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::guard::{caller, credential_check, unprocessed};
use super::streams::{ResponseStream, until_deadline};
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::ingest::SessionScope;
use crate::connect::outbox::Files;
use crate::pb::ingest_service_server::IngestService;
use crate::pb::{CommandsRequest, CommandsResponse, IngestRequest, IngestResponse};
use crate::store::Store;
use commands::Commands;
use stream::IngestStream;

/// Responses that wait for a sender. While it does not read them, its events are not read either.
const MAX_UNREAD_RESPONSES: usize = 1;

/// `switchboard.v1.IngestService`.
#[derive(Clone)]
pub struct IngestApi {
    store: Store,
    files: Files,
    notifier: CommandNotifier,
    writers: Arc<Semaphore>,
    closing: CancellationToken,
    keeps_deleted_text: bool,
}

impl IngestApi {
    /// The service on a lane of its own, so that large batches do not delay other calls.
    ///
    /// Streams wait for a connection without a limit, and end when `closing` is cancelled.
    pub fn new(store: Store, files: Files, notifier: CommandNotifier, closing: CancellationToken) -> Self {
        let writers = Arc::new(Semaphore::new(store.connections() as usize));
        Self { store, files, notifier, writers, closing, keeps_deleted_text: false }
    }

    /// The same service, whose audit logs keep the text of deleted messages, or not.
    pub fn keeping_deleted_text(self, keeps_deleted_text: bool) -> Self {
        Self { keeps_deleted_text, ..self }
    }
}

#[tonic::async_trait]
impl IngestService for IngestApi {
    type CommandsStream = ResponseStream<CommandsResponse>;
    type IngestStream = ResponseStream<IngestResponse>;

    async fn ingest(
        &self,
        request: Request<Streaming<IngestRequest>>,
    ) -> Result<Response<Self::IngestStream>, Status> {
        let caller = caller(&request)?;
        let credential_check = credential_check(&request)?;
        let (sender, responses) = mpsc::channel(MAX_UNREAD_RESPONSES);
        let (store, writers, closing) = (self.store.clone(), self.writers.clone(), self.closing.clone());
        let scope = SessionScope::from(&*caller).keeping_deleted_text(self.keeps_deleted_text);
        let unprocessed = unprocessed(&request)?;
        let stream = IngestStream::new(store, writers, closing, (caller, scope), unprocessed, sender);
        // The call is answered at once, which ends its request timeout.
        tokio::spawn(stream.run(request.into_inner(), credential_check));
        Ok(Response::new(until_deadline(ReceiverStream::new(responses))))
    }

    async fn commands(
        &self,
        request: Request<Streaming<CommandsRequest>>,
    ) -> Result<Response<Self::CommandsStream>, Status> {
        let caller = caller(&request)?;
        let credential_check = credential_check(&request)?;
        let (sender, responses) = mpsc::channel(commands::CHANNEL_SIZE);
        let (notifier, closing) = (self.notifier.clone(), self.closing.clone());
        let store = (self.store.clone(), self.files.clone());
        let stream = Commands::new(store, notifier, closing, caller, unprocessed(&request)?, sender);
        tokio::spawn(stream.run(request.into_inner(), credential_check));
        Ok(Response::new(until_deadline(ReceiverStream::new(responses))))
    }
}
