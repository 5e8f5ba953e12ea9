//! Where every request goes.

pub mod compression;
pub mod guard;
pub mod protocol;
pub mod services;

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use tonic_web::GrpcWebLayer;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

use self::compression::{Compressed, compressed};
use self::guard::GuardLayer;
use self::protocol::{Protocol, in_our_words};
use self::services::{Rest, Services};
use super::pages::{Documented, Documents};
use super::probes::Health;
use super::types::{BoxFuture, Request, Response};

/// Sends a request to its protocol.
#[derive(Clone)]
pub struct Router<R> {
    grpc: BoxCloneSyncService<Request, http::Response<tonic::body::Body>, Infallible>,
    rest: R,
    documented: Documented<R>,
    compressed: Compressed<Documented<R>>,
    health: Health,
}

impl<R: Rest> Router<R> {
    /// The routes to these services.
    pub fn new(services: Services<R>, documents: Documents, health: Health) -> Self {
        let grpc = ServiceBuilder::new()
            // Outermost, so that what is refused further in is an answer that gRPC-Web understands.
            .layer(GrpcWebLayer::new())
            .map_response(in_our_words)
            // Before the message is decoded.
            .layer(GuardLayer::new(services.guard))
            .service(services.grpc.prepare());
        let rest = services.rest;
        let documented = Documented::new(documents, rest.clone());
        let compressed = compressed(documented.clone());
        Self { grpc: BoxCloneSyncService::new(grpc), rest, documented, compressed, health }
    }

    fn call_rest(&mut self, mut request: Request) -> BoxFuture {
        let may_be_compressed = compression::settle(request.headers_mut());
        let answer = match may_be_compressed {
            true => with_axum_body(self.compressed.call(request)),
            false => self.documented.call(request),
        };
        Box::pin(async move {
            let Ok(mut response) = answer.await;
            compression::tell(&mut response, may_be_compressed);
            Ok(response)
        })
    }

    /// The REST protocol itself, for who needs its words.
    pub fn rest(&self) -> &R {
        &self.rest
    }
}

impl<R: Rest> Service<Request> for Router<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // tonic's routes and the REST protocol are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        match (Protocol::of(&request), request.uri().path()) {
            // gRPC and gRPC-Web, the health and reflection services among them.
            (Protocol::Grpc | Protocol::GrpcWeb, _) => with_axum_body(self.grpc.call(request)),
            // Probes: plain, without a token.
            (Protocol::Rest, "/livez") => ready(self.health.live(request.method())),
            (Protocol::Rest, "/readyz") => ready(self.health.ready(request.method())),
            // Everything else is REST's: it has an answer in the API's own words also for paths that do not exist. In
            // front of it lies what describes it, and the inbox.
            (Protocol::Rest, _) => self.call_rest(request),
        }
    }
}

fn ready(response: Response) -> BoxFuture {
    Box::pin(std::future::ready(Ok(response)))
}

fn with_axum_body<B>(
    answer: impl Future<Output = Result<http::Response<B>, Infallible>> + Send + 'static,
) -> BoxFuture
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    Box::pin(async move { answer.await.map(|response| response.map(Body::new)) })
}
