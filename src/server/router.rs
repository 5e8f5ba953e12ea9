//! Where every request goes.

use std::convert::Infallible;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::door::Door;
use super::guard::GuardLayer;
use super::health::Health;
use super::services::{Rest, Services};
use super::{BoxFuture, Request, Response, compression};

type Boxed = BoxCloneSyncService<Request, Response, Infallible>;

/// Sends a request to its door.
#[derive(Clone)]
pub struct Router<R> {
    grpc: Boxed,
    json: Boxed,
    health: Health,
    rest: R,
}

impl<R: Rest> Router<R> {
    /// The routes to these services.
    pub fn new(services: Services<R>, health: Health) -> Self {
        let grpc = ServiceBuilder::new()
            // Outermost, so that what is refused further in is an answer that gRPC-Web understands.
            .layer(GrpcWebLayer::new())
            // Before the message is decoded.
            .layer(GuardLayer::new(services.guard))
            .service(services.grpc.prepare());
        let json = compression::layer()
            .layer(services.rest.clone())
            .map_response(|response| response.map(Body::new));
        Self { grpc: Boxed::new(grpc), json: Boxed::new(json), health, rest: services.rest }
    }

    /// The REST door itself, for who needs its error envelopes.
    pub fn rest(&self) -> &R {
        &self.rest
    }
}

impl<R> Service<Request> for Router<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // tonic's routes and the REST door are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        match (Door::of(&request), request.uri().path()) {
            // gRPC, gRPC-Web; with the health and reflection services.
            (Door::Grpc | Door::GrpcWeb, _) => self.grpc.call(request),
            // Probes: plain, without a token.
            (Door::Rest, "/livez") => done(self.health.live(&request)),
            (Door::Rest, "/readyz") => done(self.health.ready(&request)),
            // Everything else is REST's: it has an answer in the API's own words also for paths that do not exist.
            (Door::Rest, _) => self.json.call(request),
        }
    }
}

fn done(response: Response) -> BoxFuture {
    Box::pin(std::future::ready(Ok(response)))
}
