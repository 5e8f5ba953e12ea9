//! A watch that resumes whenever it ends, and accounts for every change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::{ChatChange, WatchChatsRequest, WatchChatsResponse};
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::clients::is_unavailable;
use crate::soak::PAUSE;
use crate::support::{Chat, Rest, Sql, Token, World, in_time};
use crate::watch::next;

/// Longer than the interval of heartbeats.
const SILENCE: Duration = Duration::from_secs(15);

/// The id of a change, and its time in Unix microseconds: a change after lost ones may have the id of one of them.
pub type Change = (i64, i64);

type Watch = Streaming<WatchChatsResponse>;
type Client = ChatServiceClient<InterceptedService<Channel, Token>>;

/// A watch of all changes of an organization, shared by its clones.
#[derive(Clone)]
pub struct Watcher {
    ledger: Arc<Mutex<Ledger>>,
    /// The changes that were stored before the watch began.
    earlier: Arc<BTreeSet<Change>>,
    chats: Arc<[Chat]>,
}

/// What a watch received.
#[derive(Default)]
pub struct Ledger {
    /// The changes since the watch began, or began anew because history was lost.
    pub changes: BTreeSet<Change>,
    /// The notes of the chats: as they were read when the watch began, and as they changed since.
    notes: BTreeMap<String, String>,
    /// When messages arrived.
    pub received: Vec<Instant>,
    /// How often the service reported that history was lost.
    pub losses: usize,
    /// Changes that were received twice.
    pub repeated: usize,
    /// Errors that are neither an unavailable database nor lost history.
    pub failed: usize,
    token: String,
}

impl Watcher {
    /// Starts to watch. Nothing may be written before this returns.
    pub async fn start(world: &World, chats: &[Chat], over: CancellationToken) -> Self {
        let earlier = Arc::new(stored(&mut world.sql()));
        let watcher = Self { ledger: Arc::default(), earlier, chats: chats.into() };
        let mut watch =
            world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch").into_inner();
        let notes = watcher.read_notes(&world.rest()).await;
        watcher.ledger().notes = notes;
        let first = next(&mut watch).await;
        watcher.ledger().receive(first);
        let (running, world) = (watcher.clone(), (world.grpc_chat(), world.rest()));
        tokio::spawn(async move { running.run(world, watch, over).await });
        watcher
    }

    async fn run(self, (mut client, rest): (Client, Rest), first: Watch, over: CancellationToken) {
        let mut watch = Some(first);
        loop {
            let end = tokio::select! {
                () = over.cancelled() => return,
                end = self.receive(watch.take(), &mut client, &rest) => end,
            };
            if end.code() == Code::OutOfRange {
                self.ledger().begin_anew();
            } else if !is_unavailable(end.code()) {
                eprintln!("the watch ended with {end:?}");
                self.ledger().failed += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Receives until the watch ends; without one, resumes.
    async fn receive(&self, watch: Option<Watch>, client: &mut Client, rest: &Rest) -> Status {
        let mut watch = match watch {
            Some(watch) => watch,
            None => match self.resume(client, rest).await {
                Ok(watch) => watch,
                Err(status) => return status,
            },
        };
        loop {
            match tokio::time::timeout(SILENCE, watch.message()).await {
                Ok(Ok(Some(message))) => self.ledger().receive(message),
                Ok(Ok(None)) => return Status::internal("the watch ended without an error"),
                Ok(Err(status)) => return status,
                Err(_) => return Status::internal("no heartbeat"),
            }
        }
    }

    async fn resume(&self, client: &mut Client, rest: &Rest) -> Result<Watch, Status> {
        let resume_token = self.ledger().token.clone();
        let is_new = resume_token.is_empty();
        let request = WatchChatsRequest { resume_token, ..WatchChatsRequest::default() };
        let watch = client.watch_chats(request).await?.into_inner();
        if is_new {
            // Every later change is in the watch.
            let notes = self.read_notes(rest).await;
            self.ledger().notes = notes;
        }
        Ok(watch)
    }

    /// The notes of the chats.
    async fn read_notes(&self, rest: &Rest) -> BTreeMap<String, String> {
        let mut read = BTreeMap::new();
        for chat in self.chats.iter() {
            loop {
                let answer = rest.get(chat).await;
                if answer.status == 200 {
                    let notes = answer.json()["custom_properties"].take();
                    let note = notes.as_object().and_then(|notes| notes.values().find_map(Value::as_str));
                    read.insert(chat.id.clone(), note.unwrap_or_default().to_owned());
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        read
    }

    /// The changes that the watch should have received and has not, of those that are stored.
    pub fn missed(&self, sql: &mut Sql) -> Vec<Change> {
        let ledger = self.ledger();
        let mut expected = stored(sql);
        if ledger.losses == 0 {
            expected.retain(|change| !self.earlier.contains(change));
        } else {
            // Since the watch began anew, of the buckets whose first change since then is known.
            let mut first: BTreeMap<i64, i64> = BTreeMap::new();
            for (id, _) in &ledger.changes {
                first.entry(id & 15).or_insert(*id);
            }
            expected.retain(|(id, _)| first.get(&(id & 15)).is_some_and(|first| id >= first));
        }
        expected.difference(&ledger.changes).copied().collect()
    }

    /// The changes that were received, are not stored, and whose loss was not reported.
    pub fn unreported(&self, sql: &mut Sql) -> Vec<Change> {
        self.ledger().changes.difference(&stored(sql)).copied().collect()
    }

    /// The chats whose note is another one than the watch and the state at its beginning say.
    pub async fn outdated(&self, rest: &Rest) -> Vec<String> {
        let current = in_time("all notes are read", self.read_notes(rest)).await;
        let known = &self.ledger().notes;
        current
            .into_iter()
            .filter(|(chat, note)| known.get(chat) != Some(note))
            .map(|(chat, _)| chat)
            .collect()
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no panic")
    }
}

impl Ledger {
    fn receive(&mut self, message: WatchChatsResponse) {
        self.received.push(Instant::now());
        self.token = message.resume_token;
        let Some(change) = message.change else { return };
        self.repeated += usize::from(!self.changes.insert(key(&change)));
        for field in change.changes.iter().filter(|_| change.action == "properties") {
            if let Some(prost_types::value::Kind::StringValue(note)) =
                field.current.as_ref().and_then(|value| value.kind.clone())
            {
                self.notes.insert(change.chat_id.clone(), note);
            }
        }
    }

    fn begin_anew(&mut self) {
        self.losses += 1;
        self.changes.clear();
        self.token.clear();
    }
}

fn key(change: &ChatChange) -> Change {
    let at = change.performed_at.unwrap_or_default();
    (change.id, at.seconds * 1_000_000 + i64::from(at.nanos) / 1000)
}

/// The changes that are stored.
fn stored(sql: &mut Sql) -> BTreeSet<Change> {
    let rows = sql.rows(
        "SELECT number * 16 + bucket AS id, (extract(epoch FROM at) * 1000000)::bigint AS at FROM events",
    );
    rows.iter().filter_map(|row| Some((row["id"].as_i64()?, row["at"].as_i64()?))).collect()
}
