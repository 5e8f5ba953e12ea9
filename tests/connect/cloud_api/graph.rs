//! A fake Graph API: it checks requests as Meta documents them, records them, and fails when a test asks for it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const TOKEN: &str = "EAAG-token";
pub const NUMBER: &str = "1065";
pub const ACCOUNT: &str = "2040";
/// `120363404694233820@g.us` of the business 15550100400.
pub const GROUP: &str = "Y2FwaV9ncm91cDoxNTU1MDEwMDQwMDoxMjAzNjM0MDQ2OTQyMzM4MjAZD";

/// A recorded request.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// Without the version.
    pub path: String,
    /// `null` if the body is no JSON.
    pub json: Value,
}

/// What the API does in place of its usual response.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A response with this status, error code and text, and seconds to wait.
    Error(u16, i64, &'static str, Option<u64>),
    /// It carries out the request and closes the connection.
    LostResponse,
    /// A response that is no JSON.
    Garbage(u16),
}

/// A file.
#[derive(Clone, Debug)]
pub struct File {
    pub mime_type: String,
    pub bytes: Bytes,
    /// Where the API says it is; its own host if `None`.
    pub url: Option<String>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    failures: VecDeque<(&'static str, Failure)>,
    files: BTreeMap<String, File>,
    number: Value,
    sent: u32,
}

/// The fake.
#[derive(Clone)]
pub struct Graph {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Graph {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let number = json!({"id": NUMBER, "display_phone_number": "+1 555-010-0400", "status": "CONNECTED"});
        let graph = Self { address, state: Arc::new(Mutex::new(State { number, ..State::default() })) };
        tokio::spawn(serve(listener, graph.clone()));
        graph
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// The requests to paths that end like this.
    pub fn calls(&self, path: &str) -> Vec<Call> {
        self.state().calls.iter().filter(|call| call.path.ends_with(path)).cloned().collect()
    }

    /// Lets the next request to a path that ends like this fail.
    pub fn fail(&self, path: &'static str, failure: Failure) {
        self.state().failures.push_back((path, failure));
    }

    /// Changes a field of the phone number.
    pub fn set_number(&self, name: &str, value: impl Into<Value>) {
        self.state().number[name] = value.into();
    }

    /// Stores a file.
    pub fn add_file(&self, id: &str, file: File) {
        self.state().files.insert(id.to_owned(), file);
    }

    pub fn file(&self, id: &str) -> File {
        self.state().files[id].clone()
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, &'static str> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| "the client went away")?.to_bytes();
        let path = head.uri.path().trim_start_matches('/').to_owned();
        let path = path.strip_prefix("v25.0/").unwrap_or(&path).to_owned();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let call = Call { method: head.method, path, json };
        let failure = {
            let mut state = self.state();
            state.calls.push(call.clone());
            let position = state.failures.iter().position(|(path, _)| call.path.ends_with(path));
            position.and_then(|position| state.failures.remove(position)).map(|(_, failure)| failure)
        };
        if head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
            != Some(&format!("Bearer {TOKEN}"))
        {
            return Ok(error(401, 190, "Invalid OAuth access token - Cannot parse access token", None));
        }
        match failure {
            Some(Failure::Error(status, code, text, wait)) => return Ok(error(status, code, text, wait)),
            Some(Failure::Garbage(status)) => return Ok(response(status, "text/html", "<html>".into())),
            Some(Failure::LostResponse) => {
                let _ = self.handle(&call, &head.headers, &body);
                return Err("lost");
            }
            None => {}
        }
        Ok(self.handle(&call, &head.headers, &body))
    }

    fn handle(&self, call: &Call, headers: &HeaderMap, body: &Bytes) -> Response<Full<Bytes>> {
        let parts: Vec<_> = call.path.split('/').collect();
        match (&call.method, parts.as_slice()) {
            (&Method::GET, [NUMBER]) => ok(&self.state().number),
            (&Method::POST, [NUMBER]) if call.json["webhook_configuration"].is_object() => done(),
            (&Method::POST, [ACCOUNT, "subscribed_apps"]) => done(),
            (&Method::POST, [NUMBER, "smb_app_data"]) => {
                ok(&json!({"messaging_product": "whatsapp", "request_id": "r1"}))
            }
            (&Method::POST, [NUMBER, "messages"]) if call.json["status"] == "read" => done(),
            (&Method::POST, [NUMBER, "messages"]) => self.message(&call.json),
            (&Method::POST, [NUMBER, "media"]) => self.upload(headers, body),
            (&Method::GET, [GROUP]) => ok(&json!({
                "messaging_product": "whatsapp", "id": GROUP, "subject": "Buyers", "description": "Of Acme",
                "participants": [{"wa_id": "15550101844"}, {"wa_id": "15550101845"}],
            })),
            (&Method::GET, ["files", id]) => match self.state().files.get(*id) {
                Some(file) => response(200, &file.mime_type, file.bytes.clone()),
                None => response(404, "text/plain", Bytes::new()),
            },
            (&Method::GET, [id]) => self.locate(id),
            _ => error(404, 100, "Unknown path components", None),
        }
    }

    fn message(&self, message: &Value) -> Response<Full<Bytes>> {
        let kind = message["type"].as_str().unwrap_or_default();
        let has_one_receiver = message["to"].is_string() != message["recipient"].is_string();
        let content = &message[kind];
        if message["messaging_product"] != "whatsapp" || !has_one_receiver || content.is_null() {
            return error(400, 100, "(#100) Invalid parameter", None);
        }
        let mut state = self.state();
        let is_media = ["image", "video", "audio", "document", "sticker"].contains(&kind);
        if is_media && !content["id"].as_str().is_some_and(|id| state.files.contains_key(id)) {
            return error(400, 131_053, "Media upload error", None);
        }
        state.sent += 1;
        let id = format!("wamid.HBgL{:04}", state.sent);
        ok(
            &json!({"messaging_product": "whatsapp", "contacts": [{"input": message["to"]}], "messages": [{"id": id}]}),
        )
    }

    fn upload(&self, headers: &HeaderMap, body: &Bytes) -> Response<Full<Bytes>> {
        let content_type = headers[CONTENT_TYPE].to_str().expect("text");
        let boundary = content_type.split_once("boundary=").expect("a form").1;
        let parts = parts(body, boundary);
        let text = |name: &str| parts.get(name).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        let (Some((mime_type, bytes)), Some("whatsapp")) =
            (parts.get("file").cloned(), text("messaging_product").as_deref())
        else {
            return error(400, 100, "(#100) Invalid parameter", None);
        };
        assert_eq!(text("type").as_deref(), Some(mime_type.as_str()));
        let id = format!("5{}", self.state().files.len());
        self.add_file(&id, File { mime_type, bytes, url: None });
        ok(&json!({"id": id}))
    }

    fn locate(&self, id: &str) -> Response<Full<Bytes>> {
        match self.state().files.get(id) {
            Some(file) => {
                let own = format!("{}/files/{id}", self.url());
                ok(&json!({
                    "messaging_product": "whatsapp", "id": id, "url": file.url.as_deref().unwrap_or(&own),
                    "mime_type": file.mime_type, "sha256": "x", "file_size": file.bytes.len(),
                }))
            }
            None => error(400, 100, "Unsupported get request. Object with ID does not exist", None),
        }
    }
}

/// Type and content of each field of a form.
fn parts(body: &Bytes, boundary: &str) -> BTreeMap<String, (String, Bytes)> {
    let delimiter = format!("--{boundary}");
    let find = |from: usize, text: &[u8]| {
        body[from..].windows(text.len()).position(|window| window == text).map(|at| from + at)
    };
    let mut parts = BTreeMap::new();
    let mut at = find(0, delimiter.as_bytes()).expect("a part");
    while let Some(end) = find(at + 1, delimiter.as_bytes()) {
        let content = find(at, b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8_lossy(&body[at..content]).into_owned();
        let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        let kind =
            head.split("content-type: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        parts.insert(name.to_owned(), (kind.to_owned(), body.slice(content..end - 2)));
        at = end;
    }
    parts
}

async fn serve(listener: TcpListener, graph: Graph) {
    while let Ok((stream, _)) = listener.accept().await {
        let graph = graph.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| graph.respond(request));
            // A lost response closes the connection.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn ok(body: &Value) -> Response<Full<Bytes>> {
    response(200, "application/json", body.to_string().into())
}

fn done() -> Response<Full<Bytes>> {
    ok(&json!({"success": true}))
}

fn error(status: u16, code: i64, message: &str, wait: Option<u64>) -> Response<Full<Bytes>> {
    // An id that names nothing has this subcode.
    let subcode = if message.starts_with("Unsupported get") { 33 } else { 0 };
    let error = json!({"error": {
        "message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A1",
    }});
    let mut response = response(status, "application/json", error.to_string().into());
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    response
}

fn response(status: u16, content_type: &str, body: Bytes) -> Response<Full<Bytes>> {
    let builder = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    builder.header(CONTENT_TYPE, content_type).body(Full::new(body)).expect("a response")
}
