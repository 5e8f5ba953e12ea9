//! A WAHA server that holds chats and messages, and does what WhatsApp would: a second message with a known id is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::routes;

/// The API key.
pub const KEY: &str = "waha-api-key";
/// In a response, this becomes half of a surrogate pair.
pub const HALF: &str = "<half>";
/// A response with this is replaced by one that is too large.
pub const LARGE: &str = "<large>";
/// The type of messages that are counted in a page but not in it.
pub const DROPPED: &str = "dropped";
/// The phone number of the session.
pub const PHONE: &str = "15550100466";

/// A server on a port of this machine.
#[derive(Clone)]
pub struct Waha {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// What the server holds.
pub struct State {
    /// The API key that it accepts.
    pub key: String,
    /// The engine, in capitals.
    pub engine: &'static str,
    /// The status of the session.
    pub status: &'static str,
    /// The configuration of the session.
    pub config: Value,
    /// Chats by their id.
    pub chats: BTreeMap<String, Value>,
    /// Messages, oldest first.
    pub messages: Vec<Value>,
    /// Contacts.
    pub contacts: Vec<Value>,
    /// Groups in the form of Baileys.
    pub groups: Vec<Value>,
    /// LIDs with their phone numbers.
    pub lids: Vec<Value>,
    /// Media files by their path.
    pub files: BTreeMap<String, Bytes>,
    /// Whether messages of all chats can be listed.
    pub has_all: bool,
    /// Chats whose messages cannot be read.
    pub broken: BTreeSet<String>,
    /// Whether the engine lists no chats after it failed to read one of those.
    pub crashes: bool,
    /// Messages that reached WhatsApp, with the request that sent them.
    pub sent: Vec<(String, Value)>,
    /// All requests with a correct API key.
    pub calls: Vec<Call>,
    /// What happens to the next requests of a path that begins so.
    pub failures: Vec<(&'static str, Failure)>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Instant,
    pub method: Method,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

/// What happens to a request instead of its normal response.
#[derive(Clone, Debug)]
pub enum Failure {
    /// This response, without doing anything.
    Status(u16, Value),
    /// It is carried out, but the response is this one.
    Done(u16),
    /// It is carried out, but the connection is closed.
    Silence,
}

impl Waha {
    /// Starts a server with an empty session that works.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State {
            key: KEY.to_owned(),
            engine: "GOWS",
            status: "WORKING",
            config: json!({ "metadata": { "shop": "1" } }),
            chats: BTreeMap::new(),
            messages: Vec::new(),
            contacts: Vec::new(),
            groups: Vec::new(),
            lids: Vec::new(),
            files: BTreeMap::new(),
            has_all: true,
            broken: BTreeSet::new(),
            crashes: false,
            sent: Vec::new(),
            calls: Vec::new(),
            failures: Vec::new(),
        };
        let waha = Self { address, state: Arc::new(Mutex::new(state)) };
        tokio::spawn(serve(listener, waha.clone()));
        waha
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// The requests of a path that begins so.
    pub fn calls(&self, path: &str) -> Vec<Call> {
        self.state().calls.iter().filter(|call| call.path.starts_with(path)).cloned().collect()
    }

    /// Lets the next request of a path that begins so fail.
    pub fn fail(&self, path: &'static str, failure: Failure) {
        self.state().failures.push((path, failure));
    }
}

impl State {
    /// Adds a message, and its chat.
    pub fn add(&mut self, message: Value) {
        let chat = message["id"].as_str().and_then(|id| id.split('_').nth(1)).expect("a chat").to_owned();
        let at = message["timestamp"].as_i64().expect("a time");
        let listed =
            self.chats.entry(chat.clone()).or_insert_with(|| json!({ "id": chat, "unreadCount": 0 }));
        let latest = listed["conversationTimestamp"].as_i64().unwrap_or_default().max(at);
        listed["conversationTimestamp"] = latest.into();
        let place = self.messages.partition_point(|known| known["timestamp"].as_i64() <= Some(at));
        self.messages.insert(place, message);
    }

    /// The message with that complete or bare id.
    pub fn message(&mut self, id: &str) -> Option<&mut Value> {
        let bare = |id: &str| id.split('_').nth(2).unwrap_or(id).to_owned();
        let wanted = bare(id);
        self.messages.iter_mut().find(|message| message["id"].as_str().is_some_and(|id| bare(id) == wanted))
    }
}

/// A text as WAHA lists it.
pub fn text(id: &str, body: &str, at: i64) -> Value {
    let chat = id.split('_').nth(1).expect("a chat");
    json!({
        "id": id, "timestamp": at, "from": chat, "fromMe": id.starts_with("true"), "to": null, "participant": null,
        "body": body, "hasMedia": false, "media": null, "ack": 1, "ackName": "SERVER", "vCards": [], "location": null,
        "_data": { "type": "chat", "notifyName": "Asha" },
    })
}

async fn serve(listener: TcpListener, waha: Waha) {
    while let Ok((stream, _)) = listener.accept().await {
        let waha = waha.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, waha.clone()));
            // A failure may close the connection.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, waha: Waha) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    if head.headers.get("x-api-key").is_none_or(|key| *key != *waha.state().key) {
        return Ok(response(401, Bytes::new()));
    }
    let query = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let call =
        Call { at: Instant::now(), method: head.method, path: head.uri.path().to_owned(), query, body };
    let failure = {
        let mut state = waha.state();
        state.calls.push(call.clone());
        let place = state.failures.iter().position(|(path, _)| call.path.starts_with(path));
        place.map(|place| state.failures.remove(place).1)
    };
    match &failure {
        Some(Failure::Status(status, body)) => return Ok(response(*status, body.to_string().into())),
        Some(Failure::Done(_) | Failure::Silence) | None => {}
    }
    let (status, body) = routes::answer(&mut waha.state(), &call);
    match failure {
        Some(Failure::Done(status)) => Ok(response(status, Bytes::new())),
        Some(Failure::Silence) => Err(Closed),
        Some(Failure::Status(..)) | None => Ok(response(status, body)),
    }
}

fn response(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body)).expect("a response")
}

/// The connection is closed without a response.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed")
    }
}

impl std::error::Error for Closed {}
