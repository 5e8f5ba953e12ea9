//! Measures the transcoder beside the crate `rest_over_grpc`.
//!
//! Both have the same messages behind the same routes.
//!
//! A request is measured from `http::Request` to the bytes of the response, without handler and network.
//! `cargo run --release -p transcode-bench` prints nanoseconds per request and the ratio. Responses of `transcode` contain
//! absent fields as `null`, those of `rest_over_grpc` omit them and are smaller.

mod rival;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::Body;
use futures_executor::block_on;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use prost::Message;
use switchboard::pb::routes::CHAT_SERVICE;
use switchboard::pb::{Chat, GetSessionChatRequest, UpdateChatRequest};
use tower::Service;
use transcode::{Binding, Options, RequestBody, Route, Transcoder, json};

const PATH: &str = "/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats/15550101844%40c.us";
const BODY: &str = r#"{"assigned_to":"agent@acme.example","labels":["billing","urgent"]}"#;
/// Few enough that the prepared replies stay in the processor's cache.
const BATCH: usize = 50;
const ROUNDS: usize = 4_000;

/// Prepared replies, so that their construction is not measured.
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

/// The transcoder, with the routes of `bench.proto`.
fn transcoder(replies: &Arc<Replies<Chat>>) -> Result<Transcoder, Box<dyn std::error::Error>> {
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

/// Nanoseconds per request in the best round, and the size of a response.
/// Other processes disturb the best round least.
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
            let body = block_on(async {
                let Ok(response) = service.call(request).await;
                assert_eq!(response.status(), StatusCode::OK);
                response.into_body().collect().await.map(|body| body.to_bytes())
            });
            size = body.map_or(0, |body| std::hint::black_box(body).len());
        }
        #[expect(clippy::cast_precision_loss, reason = "a duration of seconds at most")]
        let nanos = start.elapsed().as_nanos() as f64 / BATCH as f64;
        best = best.min(nanos);
    }
    (best, size)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chat = chat();
    let other_chat = rival::Chat::decode(chat.encode_to_vec().as_slice())?;
    let (replies, other_replies) = (Arc::new(Replies(Mutex::default())), Arc::new(Replies(Mutex::default())));
    let mut own = transcoder(&replies)?;
    let mut other = rival::service(&other_replies);
    println!("{:<32} {:>10} {:>16} {:>7}", "", "transcode", "rest_over_grpc", "ratio");
    for (name, method) in [("GET, two path variables", Method::GET), ("PATCH with a body", Method::PATCH)] {
        let (own_time, own_size) = measure(&mut own, &method, || replies.fill(&chat));
        let (other_time, other_size) = measure(&mut other, &method, || other_replies.fill(&other_chat));
        println!("{name:<32} {own_time:>7.0} ns {other_time:>13.0} ns {:>7.2}", own_time / other_time);
        println!("{:<32} {own_size:>8} B {other_size:>14} B", "  response");
    }
    Ok(())
}
