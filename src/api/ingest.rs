//! The streams of connectors: what they tell, and what they are to do.

mod commands;
mod convert;
mod feed;
mod numbered;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::guard::{caller, credential_check};
use super::streams::{Answers, in_time};
use crate::actions::commands::CommandNotifier;
use crate::error::unreadable;
use crate::pb::ingest_service_server::IngestService;
use crate::pb::{CommandsRequest, CommandsResponse, IngestRequest, IngestResponse};
use crate::store::Store;
use commands::Commands;
use feed::Feed;

/// Answers that wait for a sender that does not read them. Beyond that its events are not read either.
const UNREAD_ANSWERS: usize = 1;

/// `switchboard.v1.IngestService`.
#[derive(Clone)]
pub struct IngestApi {
    store: Store,
    bells: CommandNotifier,
    writers: Arc<Semaphore>,
    closing: CancellationToken,
}

impl IngestApi {
    /// The service on a store of its own with `writers` connections, so that streams leave others room and a large batch may
    /// take its time. Streams wait for each other as long as it takes, and end when `closing` is cancelled.
    pub fn new(store: Store, bells: CommandNotifier, writers: u32, closing: CancellationToken) -> Self {
        Self { store, bells, writers: Arc::new(Semaphore::new(writers as usize)), closing }
    }
}

#[tonic::async_trait]
impl IngestService for IngestApi {
    type CommandsStream = Answers<CommandsResponse>;
    type IngestStream = Answers<IngestResponse>;

    async fn ingest(
        &self,
        request: Request<Streaming<IngestRequest>>,
    ) -> Result<Response<Self::IngestStream>, Status> {
        let caller = caller(&request)?;
        let credential_check = credential_check(&request)?;
        let (answers, answered) = mpsc::channel(UNREAD_ANSWERS);
        let feed = Feed::new(self.store.clone(), self.writers.clone(), self.closing.clone(), caller, answers);
        // Answered at once: what bounds the time of a call ends with that.
        tokio::spawn(feed.run(request.into_inner(), credential_check));
        Ok(Response::new(in_time(ReceiverStream::new(answered))))
    }

    async fn commands(
        &self,
        request: Request<Streaming<CommandsRequest>>,
    ) -> Result<Response<Self::CommandsStream>, Status> {
        let caller = caller(&request)?;
        let (answers, answered) = mpsc::channel(commands::ROOM);
        let commands =
            Commands::new(self.store.clone(), self.bells.clone(), self.closing.clone(), caller, answers);
        tokio::spawn(commands.run(request.into_inner()));
        Ok(Response::new(in_time(ReceiverStream::new(answered))))
    }
}

/// The next message; `None` at the end.
async fn next<M>(messages: &mut Streaming<M>) -> Result<Option<M>, Status> {
    let next = messages.message().await;
    next.map_err(|status| unreadable(&status).map_or(status, Status::from))
}
