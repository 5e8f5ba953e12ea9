//! Clients that read a chat over each protocol, repeatedly and regardless of errors.

use std::time::{Duration, Instant};

use prost::Message;
use switchboard::pb::GetChatRequest;
use tokio_util::sync::CancellationToken;

use super::PAUSE;
use super::load::{Call, End};
use crate::support::{Chat, Protocol, Rest, Rpc, World, frame};

/// A client that reads one chat.
#[derive(Clone)]
pub struct Reader {
    chat: Chat,
    client: Client,
}

#[derive(Clone)]
enum Client {
    Rest(Rest),
    Rpc(Rpc),
}

impl Reader {
    /// One reader for each protocol.
    pub fn for_every_protocol(world: &World, chat: &Chat) -> [Self; 3] {
        let clients = [
            Client::Rest(world.rest()),
            Client::Rpc(world.rpc(Protocol::Grpc)),
            Client::Rpc(world.rpc(Protocol::GrpcWeb)),
        ];
        clients.map(|client| Self { chat: chat.clone(), client })
    }

    /// Sets a deadline, which every protocol honours.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        let timeout = format!("{}m", deadline.as_millis());
        self.client = match self.client {
            Client::Rest(rest) => Client::Rest(rest.with("grpc-timeout", timeout)),
            Client::Rpc(rpc) => Client::Rpc(rpc.with("grpc-timeout", timeout)),
        };
        self
    }

    /// Reads once.
    pub async fn read(&self) -> Call {
        let begun = Instant::now();
        let end = match &self.client {
            Client::Rest(rest) => End::of(rest.get(&self.chat).await.status),
            Client::Rpc(rpc) => {
                let message = frame(&GetChatRequest { chat_id: self.chat.id.clone() }.encode_to_vec());
                match rpc.call("/switchboard.v1.ChatService/GetChat", message).await.code {
                    Some(0) => End::Served,
                    // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE.
                    Some(4 | 8 | 14) => End::Rejected,
                    _ => End::Failed,
                }
            }
        };
        Call { begun, ended: Instant::now(), end }
    }

    /// Reads repeatedly until `over` is cancelled.
    pub async fn read_until(self, over: CancellationToken) -> Vec<Call> {
        let mut calls = Vec::new();
        while !over.is_cancelled() {
            calls.push(self.read().await);
            tokio::time::sleep(PAUSE).await;
        }
        calls
    }
}
