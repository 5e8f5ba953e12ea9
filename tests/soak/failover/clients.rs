//! Clients that read and write at a fixed rate, regardless of errors.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::pb;
use switchboard::pb::chat_service_client::ChatServiceClient;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::soak::load::{Call, End};
use crate::soak::readers::Reader;
use crate::support::{Chat, Rest, Token, World};

/// Interval of the calls of one client: ten clients make 100 calls a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// Number of clients that write, each to its own chat: the last two through gRPC.
pub const WRITERS: usize = 6;
const GRPC_WRITERS: usize = 2;
const READERS: usize = 4;

/// What one client experienced.
#[derive(Default)]
pub struct Client {
    pub calls: Vec<Call>,
    /// The notes whose write succeeded.
    pub acknowledged: Vec<String>,
}

/// A client that writes the note of one chat.
struct Writer {
    chat: Chat,
    caller: Caller,
}

enum Caller {
    Rest(Rest),
    Grpc { client: ChatServiceClient<InterceptedService<Channel, Token>>, property: String },
}

/// Starts all clients. They end when `over` is cancelled.
pub fn start(world: &World, chats: &[Chat], over: &CancellationToken) -> JoinSet<Client> {
    let mut clients = JoinSet::new();
    for reader in Reader::for_every_protocol(world, &chats[0]).into_iter().cycle().take(READERS) {
        clients.spawn(read(reader, over.clone()));
    }
    for (number, chat) in chats.iter().enumerate() {
        let caller = if number + GRPC_WRITERS < WRITERS {
            Caller::Rest(world.rest())
        } else {
            Caller::Grpc { client: world.grpc_chat(), property: world.org.note.clone() }
        };
        let writer = Writer { chat: chat.clone(), caller };
        clients.spawn(writer.write(number, over.clone()));
    }
    clients
}

async fn read(reader: Reader, over: CancellationToken) -> Client {
    let mut client = Client::default();
    let mut ticks = ticks();
    while !over.is_cancelled() {
        ticks.tick().await;
        client.calls.push(reader.read().await);
    }
    client
}

impl Writer {
    /// Writes unique notes.
    async fn write(mut self, number: usize, over: CancellationToken) -> Client {
        let mut client = Client::default();
        let mut ticks = ticks();
        while !over.is_cancelled() {
            ticks.tick().await;
            let note = format!("{number}-{}", client.calls.len());
            let begun = Instant::now();
            let end = self.write_once(&note).await;
            client.calls.push(Call { begun, ended: Instant::now(), end });
            if end == End::Served {
                client.acknowledged.push(note);
            }
        }
        client
    }

    async fn write_once(&mut self, note: &str) -> End {
        match &mut self.caller {
            Caller::Rest(rest) => {
                let change = json!({"custom_properties": {"note": note}});
                End::of(rest.patch(&self.chat, change).await.status)
            }
            Caller::Grpc { client, property } => {
                let value = prost_types::Value::from(note);
                let values = prost_types::Struct { fields: [(property.clone(), value)].into() };
                let chat = pb::Chat { custom_properties: Some(values), ..pb::Chat::default() };
                let chat_id = self.chat.id.clone();
                let request = pb::UpdateChatRequest { chat_id, chat: Some(chat), update_mask: None };
                match client.update_chat(request).await {
                    Ok(_) => End::Served,
                    Err(status) if is_unavailable(status.code()) => End::Rejected,
                    Err(_) => End::Failed,
                }
            }
        }
    }
}

/// Whether a call with that code may be repeated: the database is not available.
pub fn is_unavailable(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted)
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
