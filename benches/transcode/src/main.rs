//! Measures what REST costs on top of an RPC: from an HTTP request to the bytes of its answer, without the handler and
//! the network. The crate `rest_over_grpc` is measured in the same run, with the same messages behind the same routes.
//!
//! `cargo run --release -p transcode-bench` prints nanoseconds a request and the ratio. Ours answers every field, absent
//! ones as `null`; the other leaves those out, so its answer is smaller.

mod rival;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::Body;
use futures_executor::block_on;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use prost::Message;
use switchboard::pb::{Chat, GetSessionChatRequest, UpdateChatRequest};
use switchboard::rest::routes::CHAT_SERVICE;
use tower::Service;
use transcode::{Binding, Options, RequestBody, Route, Transcoder, json};

const PATH: &str = "/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats/15550101844%40c.us";
const BODY: &str = r#"{"assigned_to":"agent@acme.example","labels":["billing","urgent"]}"#;
/// Few enough that the replies made beforehand stay in the processor's cache.
const BATCH: usize = 50;
const ROUNDS: usize = 4_000;

/// Replies made beforehand, so that making them is not measured.
pub struct Replies<T>(Mutex<Vec<T>>);

impl<T: Clone> Replies<T> {
    pub fn take(&self) -> Option<T> {
        self.0.lock().ok()?.pop()
    }

    fn fill(&self, reply: &T) {
        if let Ok(mut replies) = self.0.lock() {
            replies.resize(BATCH, reply.clone());
        }
    }
}

/// A chat of about 800 bytes of JSON.
fn chat() -> Chat {
    Chat {
        org_id: "0193a5c2-7b1e-7c3d-9f20-4d5e6f708192".into(),
        chat_id: "15550101844@c.us".into(),
        chat_name: Some("Asha Rao".into()),
        chat_type: "user".into(),
        org_phone: "15550100400@c.us".into(),
        chat_org_phones: vec!["15550100400@c.us".into()],
        member_count: 2,
        assigned_to: Some("agent@acme.example".into()),
        labels: vec!["billing".into(), "urgent".into()],
        ..Chat::default()
    }
}

/// The service's own transcoder, with routes like those of the other.
fn own(replies: &Arc<Replies<Chat>>) -> Result<Transcoder, Box<dyn std::error::Error>> {
    let reply = |replies: &Arc<Replies<Chat>>| {
        replies.take().map(tonic::Response::new).ok_or_else(|| tonic::Status::internal("no reply left"))
    };
    let get = Route::new(
        Binding::<GetSessionChatRequest, Chat> {
            rpc: "/bench.Bench/GetChat",
            method: Method::GET,
            template: "/v1/sessions/{session_id}/chats/{jid}",
            variables: &["session_id", "jid"],
            dialect: &CHAT_SERVICE,
            body: RequestBody::None,
            status: StatusCode::OK,
            reply: Some(json::ToJson::write),
        },
        {
            let replies = Arc::clone(replies);
            move |_| std::future::ready(reply(&replies))
        },
    );
    let patch = Route::new(
        Binding::<UpdateChatRequest, Chat> {
            rpc: "/bench.Bench/UpdateChat",
            method: Method::PATCH,
            template: "/v1/sessions/*/chats/{chat_id}",
            variables: &["chat_id"],
            dialect: &CHAT_SERVICE,
            body: RequestBody::Patch { resource: 1, mask: 2, read: json::patch },
            status: StatusCode::OK,
            reply: Some(json::ToJson::write),
        },
        {
            let replies = Arc::clone(replies);
            move |_| std::future::ready(reply(&replies))
        },
    );
    Ok(Transcoder::new(vec![get, patch], |_, _| Ok(()), Options::default())?)
}

fn request(method: &Method) -> Option<Request<Body>> {
    let request = Request::builder().method(method).uri(PATH);
    let request = match *method {
        Method::PATCH => request.header("content-type", "application/json").body(Body::from(BODY)),
        _ => request.body(Body::empty()),
    };
    request.ok()
}

/// The best round's nanoseconds a request, and the size of an answer: the least disturbed by what else runs.
fn measure<S, B>(service: &mut S, method: &Method, fill: impl Fn()) -> (f64, usize)
where
    S: Service<Request<Body>, Response = http::Response<B>, Error = std::convert::Infallible>,
    B: BodyExt + Unpin,
{
    let mut best = f64::INFINITY;
    let mut size = 0;
    for _ in 0..ROUNDS {
        fill();
        let requests: Vec<Request<Body>> = (0..BATCH).filter_map(|_| request(method)).collect();
        let start = Instant::now();
        for request in requests {
            let answer = block_on(async {
                let Ok(response) = service.call(request).await;
                assert_eq!(response.status(), StatusCode::OK);
                response.into_body().collect().await.map(|body| body.to_bytes())
            });
            size = answer.map_or(0, |answer| std::hint::black_box(answer).len());
        }
        #[expect(clippy::cast_precision_loss, reason = "a duration of seconds at most")]
        let nanos = start.elapsed().as_nanos() as f64 / BATCH as f64;
        best = best.min(nanos);
    }
    (best, size)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chat = chat();
    let their_chat = rival::Chat::decode(chat.encode_to_vec().as_slice())?;
    let (replies, their_replies) = (Arc::new(Replies(Mutex::default())), Arc::new(Replies(Mutex::default())));
    let mut ours = own(&replies)?;
    let mut theirs = rival::service(&their_replies);
    println!("{:<32} {:>10} {:>16} {:>7}", "", "ours", "rest_over_grpc", "ratio");
    for (name, method) in [("GET, two path variables", Method::GET), ("PATCH with a body", Method::PATCH)] {
        let (our_time, our_size) = measure(&mut ours, &method, || replies.fill(&chat));
        let (their_time, their_size) = measure(&mut theirs, &method, || their_replies.fill(&their_chat));
        println!("{name:<32} {our_time:>7.0} ns {their_time:>13.0} ns {:>7.2}", our_time / their_time);
        println!("{:<32} {our_size:>8} B {their_size:>14} B", "  answer");
    }
    Ok(())
}
