//! What each organization may hold of the service at a time: places of requests, streams, bytes in memory.
//!
//! A request takes its place when all of it has arrived, and returns it when all of its response is in memory: a client that
//! sends or reads slowly holds bytes, which count for its organization, and no place. A stream takes a place until its
//! response begins, and is counted to its end.

use std::sync::Arc;

use ::transcode::Transcoder;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use http_body_util::BodyExt;
use tonic::{Code, Status};

use super::complete;
use crate::api;
use crate::caller::{Caller, Identity};
use crate::config::Config;
use crate::fair_share::{Exhausted, FairShare, Resource, ShareLimits, Unprocessed, refusal};
use crate::pb::{Capability, Method};
use crate::rest::body_limit;
use crate::server::protocols::media::is_media;
use crate::server::protocols::protocol::Protocol;
use crate::server::protocols::{is_open_stream, is_probe};
use crate::server::types::{Rejection, Request, Response};

/// All streams together: it bounds the memory of their buffers.
const MAX_STREAMS: usize = 10_000;

/// What a request counts for beside its body: its headers, tasks and buffers.
const REQUEST_BYTES: usize = 16 * 1024;

/// What the download of a media file holds: what is read ahead of the client.
const DOWNLOAD_BYTES: usize = 128 * 1024;

/// The shares of all organizations.
pub struct Admission {
    places: Arc<FairShare>,
    streams: Arc<FairShare>,
    bytes: Arc<FairShare>,
    max_body: usize,
    rest: Transcoder,
}

/// A request that its service will not reject by its headers.
struct Call {
    method: Option<&'static Method>,
    caller: Option<Arc<Caller>>,
}

impl Admission {
    /// The limits in the settings.
    pub fn new(config: &Config, rest: Transcoder) -> Arc<Self> {
        let shared = |total, factor| FairShare::new(ShareLimits { total, factor, org: None, caller: None });
        Arc::new(Self {
            // Requests return their places within milliseconds, so others find some soon.
            places: shared(config.max_concurrent_requests, 8),
            streams: FairShare::new(ShareLimits {
                total: MAX_STREAMS,
                factor: 1,
                org: Some(config.streams.org),
                caller: Some(config.streams.key),
            }),
            bytes: shared(config.max_in_flight_bytes, 1),
            max_body: config.max_body_bytes,
            rest,
        })
    }

    /// The call; `None` for what takes nothing: probes, pages, and requests that are rejected by their headers.
    fn call(&self, request: &Request) -> Option<Call> {
        let path = request.uri().path();
        if is_open_stream(path) {
            return Some(Call { method: None, caller: None });
        }
        let rpc = match Protocol::of(request) {
            _ if is_probe(path) => return None,
            Protocol::Grpc | Protocol::GrpcWeb => path,
            Protocol::Rest => self.rest.rpc(request.method(), path)?,
        };
        api::guard(request.extensions(), rpc).ok()?;
        let caller = match request.extensions().get::<Identity>() {
            Some(Identity::Known(caller)) => Some(caller.clone()),
            _ => None,
        };
        Some(Call { method: Method::of(rpc), caller })
    }

    /// Takes a place among the streams, and one among the requests until the stream begins.
    async fn stream(&self, call: &Call, request: Request, next: Next) -> Result<Response, Rejection> {
        let caller = call.caller.as_deref();
        let stream = self.streams.take(caller, 1).map_err(too_many_streams)?;
        let bytes = self.take_bytes(caller)?;
        let response = match call.method {
            // Their services read one small message at a time, and do not say when it is processed.
            None => held(next.run(request).await, bytes),
            Some(method) if !method.reads_stream => {
                let request = self.complete(call, request, &bytes).await?;
                let _place = self.places.take(caller, 1).map_err(too_many_requests)?;
                next.run(request).await
            }
            // A client that streams sends its messages whenever it likes: nothing may wait for them here.
            Some(_) => next.run(complete::counted_stream(request, bytes)).await,
        };
        Ok(match has_failed(&response) {
            true => response,
            false => held(response, stream),
        })
    }

    /// Takes a place among the streams, and bytes for its buffers, until the file is written; and a place among the requests
    /// until that begins.
    async fn download(&self, request: Request, next: Next) -> Result<Response, Rejection> {
        let Some(Identity::Known(caller)) = request.extensions().get::<Identity>().cloned() else {
            return Ok(next.run(request).await);
        };
        let stream = self.streams.take(Some(&caller), 1).map_err(too_many_streams)?;
        let bytes = self.bytes.take(Some(&caller), DOWNLOAD_BYTES).map_err(too_many_bytes)?;
        let place = self.places.take(Some(&caller), 1).map_err(too_many_requests)?;
        let response = next.run(request).await;
        drop(place);
        Ok(held(response, (stream, bytes)))
    }

    /// Takes bytes until the response is written, and a place as long as the call runs.
    async fn unary(&self, call: &Call, request: Request, next: Next) -> Result<Response, Rejection> {
        let caller = call.caller.as_deref();
        let bytes = self.take_bytes(caller)?;
        let request = self.complete(call, request, &bytes).await?;
        let place = self.places.take(caller, 1).map_err(too_many_requests)?;
        let response = complete::response(next.run(request).await).await?;
        drop(place);
        let size = REQUEST_BYTES + response.body().size();
        let only_reads = call.method.is_some_and(|method| method.capabilities == [Capability::Read]);
        match size.checked_sub(bytes.amount()) {
            // A change is made: its response is not withheld.
            Some(more) if only_reads => bytes.received(more).map_err(too_many_bytes)?,
            _ => bytes.resize(size),
        }
        Ok(response.map(|body| body.counted(bytes)))
    }

    fn take_bytes(&self, caller: Option<&Caller>) -> Result<Unprocessed, Rejection> {
        self.bytes.take(caller, REQUEST_BYTES).map(Unprocessed::new).map_err(too_many_bytes)
    }

    /// The request with all of its body, which counts for the organization meanwhile, as does what becomes of it.
    async fn complete(
        &self,
        call: &Call,
        request: Request,
        bytes: &Unprocessed,
    ) -> Result<Request, Rejection> {
        let max_body = call.method.map_or(self.max_body, |method| body_limit(method.path, self.max_body));
        let completed = complete::request(request, max_body, |more| bytes.received(more)).await;
        let mut request = completed.map_err(too_many_bytes)?;
        request.extensions_mut().insert(bytes.clone());
        Ok(request)
    }
}

/// Admits what the caller's organization may hold.
pub async fn admit(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    match admission.call(&request) {
        None if is_media(request.uri().path()) => admission.download(request, next).await,
        None => Ok(next.run(request).await),
        Some(call) if call.method.is_none_or(|method| method.is_stream) => {
            admission.stream(&call, request, next).await
        }
        Some(call) => admission.unary(&call, request, next).await,
    }
}

/// The response, whose body keeps something to its end.
fn held<T: Send + 'static>(response: Response, kept: T) -> Response {
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _kept = &kept;
            frame
        }))
    })
}

fn has_failed(response: &Response) -> bool {
    response.extensions().get::<Status>().is_some_and(|status| status.code() != Code::Ok)
}

fn too_many_requests(exhausted: Exhausted) -> Rejection {
    Rejection(refusal(exhausted, Resource::Requests))
}

fn too_many_streams(exhausted: Exhausted) -> Rejection {
    Rejection(refusal(exhausted, Resource::Streams))
}

fn too_many_bytes(exhausted: Exhausted) -> Rejection {
    Rejection(refusal(exhausted, Resource::Bytes))
}
