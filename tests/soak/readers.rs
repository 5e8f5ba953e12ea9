//! Those who read a chat through each protocol, and go on whatever they are told.

use std::time::{Duration, Instant};

use prost::Message;
use switchboard::pb::GetChatRequest;
use tokio_util::sync::CancellationToken;

use super::PAUSE;
use super::load::{Call, End};
use crate::support::{Chat, Protocol, Rest, Rpc, World, frame};

/// Somebody who reads one chat.
#[derive(Clone)]
pub struct Reader {
    chat: Chat,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Rest(Rest),
    Rpc(Rpc),
}

impl Reader {
    /// One at each protocol.
    pub fn at_every_door(world: &World, chat: &Chat) -> [Self; 3] {
        let ways = [
            Way::Rest(world.rest()),
            Way::Rpc(world.rpc(Protocol::Grpc)),
            Way::Rpc(world.rpc(Protocol::GrpcWeb)),
        ];
        ways.map(|way| Self { chat: chat.clone(), way })
    }

    /// The same one with that deadline, which counts at every protocol.
    pub fn within(mut self, deadline: Duration) -> Self {
        let timeout = format!("{}m", deadline.as_millis());
        self.way = match self.way {
            Way::Rest(rest) => Way::Rest(rest.with("grpc-timeout", timeout)),
            Way::Rpc(rpc) => Way::Rpc(rpc.with("grpc-timeout", timeout)),
        };
        self
    }

    /// Reads once.
    pub async fn read(&self) -> Call {
        let begun = Instant::now();
        let end = match &self.way {
            Way::Rest(rest) => End::of(rest.get(&self.chat).await.status),
            Way::Rpc(rpc) => {
                let message = frame(&GetChatRequest { chat_id: self.chat.id.clone() }.encode_to_vec());
                match rpc.call("/switchboard.v1.ChatService/GetChat", message).await.code {
                    Some(0) => End::Served,
                    // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE.
                    Some(4 | 8 | 14) => End::TurnedAway,
                    _ => End::Failed,
                }
            }
        };
        Call { begun, ended: Instant::now(), end }
    }

    /// Reads again and again until that is over.
    pub async fn read_until(self, over: CancellationToken) -> Vec<Call> {
        let mut calls = Vec::new();
        while !over.is_cancelled() {
            calls.push(self.read().await);
            tokio::time::sleep(PAUSE).await;
        }
        calls
    }
}
