//! What the doors lead to: every RPC once, for gRPC and gRPC-Web as tonic's routes, for REST behind the transcoder.

use std::convert::Infallible;
use std::future::ready;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderValue, Method};
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::Service;

use super::guard::Guard;
use super::{BoxFuture, Request, Response, ServeError};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::pb;
use crate::store::Store;

/// The services whose readiness the gRPC health service tells.
pub const NAMES: &[&str] = &["switchboard.v1.ChatService", "switchboard.v1.SessionService"];

/// The REST door.
pub trait Rest:
    Service<Request, Response = Response, Error = Infallible, Future = BoxFuture> + Clone + Send + Sync + 'static
{
    /// The RPC a request stands for, as its path in gRPC.
    fn rpc(&self, method: &Method, path: &str) -> Option<&'static str>;

    /// An error in the envelope of the API that owns the path.
    fn error_response(&self, path: &str, error: &Error) -> Response;
}

/// Everything behind the doors.
pub struct Services<R> {
    /// For gRPC and gRPC-Web.
    pub grpc: Routes,
    /// For REST.
    pub rest: R,
    /// Who may call what.
    pub guard: Guard,
}

/// Puts the services together.
pub fn compose(
    _store: &Store,
    _config: &Config,
    health: HealthServer<impl Health>,
) -> Result<Services<impl Rest>, ServeError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(pb::DESCRIPTORS)
    };
    let setup = |error: tonic_reflection::server::Error| ServeError::Setup(error.into());
    let grpc = Routes::default()
        .add_service(health)
        // Two versions of one protocol: newer tools ask for v1, grpcio for v1alpha.
        .add_service(reflection().build_v1().map_err(setup)?)
        .add_service(reflection().build_v1alpha().map_err(setup)?);
    Ok(Services { grpc, rest: NoRoutes, guard: refuse_all })
}

fn refuse_all(_: &Extensions, _: &str) -> Result<(), Error> {
    Err(Error::new(Kind::Unauthenticated, "a token is needed"))
}

/// A REST door without routes.
#[derive(Clone)]
struct NoRoutes;

impl Service<Request> for NoRoutes {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        Box::pin(ready(Ok(self.error_response(request.uri().path(), &Error::not_found("no such route")))))
    }
}

impl Rest for NoRoutes {
    fn rpc(&self, _: &Method, _: &str) -> Option<&'static str> {
        None
    }

    fn error_response(&self, _: &str, error: &Error) -> Response {
        let row = error.kind().row();
        let json = serde_json::json!({"code": row.flat.0, "name": row.flat.1, "message": error.message()});
        let mut response = Response::new(Body::from(json.to_string()));
        *response.status_mut() = row.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
