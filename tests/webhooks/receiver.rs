//! A webhook endpoint: an HTTP server with configurable responses that records its requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A recorded request.
#[derive(Clone, Debug)]
pub struct Post {
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The status of the response.
    pub status: u16,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    /// The event id.
    pub fn id(&self) -> i64 {
        self.json()["id"].as_i64().expect("a number")
    }

    pub fn is_of(&self, jid: &str) -> bool {
        self.json()["jid"] == jid
    }
}

type Rule = Box<dyn Fn(&Post) -> u16 + Send>;

struct State {
    posts: Vec<Post>,
    rule: Rule,
}

/// The receiver.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts an endpoint that accepts every delivery.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { posts: Vec::new(), rule: Box::new(|_| 204) }));
        tokio::spawn(serve(listener, state.clone()));
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// Sets the status of each response. A status of 0 sends no response.
    pub fn answers(&self, rule: impl Fn(&Post) -> u16 + Send + 'static) {
        self.state.lock().expect("no panic").rule = Box::new(rule);
    }

    /// The requests so far.
    pub fn posts(&self) -> Vec<Post> {
        self.state.lock().expect("no panic").posts.clone()
    }

    /// Waits for that many accepted requests, and returns them.
    pub async fn accepted(&self, count: usize) -> Vec<Post> {
        let accepted = |posts: Vec<Post>| -> Vec<Post> {
            posts.into_iter().filter(|post| (200..300).contains(&post.status)).collect()
        };
        self.until(|posts| accepted(posts.to_vec()).len() >= count).await;
        accepted(self.posts())
    }

    /// Waits until the requests satisfy the condition.
    pub async fn until(&self, condition: impl Fn(&[Post]) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !condition(&self.posts()) {
            assert!(Instant::now() < deadline, "timed out with {:#?}", self.posts());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| receive(request, state.clone()));
            // The client may close the connection.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let mut post = Post { headers: head.headers, body: body.collect().await?.to_bytes(), status: 0 };
    {
        let mut state = state.lock().expect("no panic");
        post.status = (state.rule)(&post);
        state.posts.push(post.clone());
    }
    if post.status == 0 {
        std::future::pending::<()>().await;
    }
    let answer = Response::builder().status(post.status).header("location", "/elsewhere");
    Ok(answer.body(Empty::new()).expect("an answer"))
}
