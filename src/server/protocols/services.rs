//! The services: tonic's routes for gRPC and gRPC-Web, the transcoder for REST.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use ::transcode::{Transcoder, Validated};
use http::{Extensions, HeaderValue, Method};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;
use tower::Service;

use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Webhooks;
use crate::api::{self, Api, IngestApi};
use crate::config::{Config, Secrets};
use crate::error::Error;
use crate::pb;
use crate::pb::api_key_service_server::ApiKeyServiceServer;
use crate::pb::chat_service_server::ChatServiceServer;
use crate::pb::ingest_service_server::IngestServiceServer;
use crate::pb::label_service_server::LabelServiceServer;
use crate::pb::member_service_server::MemberServiceServer;
use crate::pb::property_service_server::PropertyServiceServer;
use crate::pb::session_service_server::SessionServiceServer;
use crate::pb::webhook_service_server::WebhookServiceServer;
use crate::rest::{self, routes};
use crate::server::probes::Health;
use crate::server::serve_error::ServeError;
use crate::server::types::{Request, Response};
use crate::store::{PoolOptions, Store};

/// The largest message of a connector, in bytes.
/// Far more than an event may have, so that an event that is too large is refused by its number instead of ending the
/// stream.
const MAX_INGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Checks that the caller in a request's extensions may call the RPC.
pub type Guard = fn(&Extensions, &str) -> Result<(), Error>;

/// A future response of the REST protocol.
pub type BoxFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The REST protocol. Cheap to clone.
pub type Rest = Arc<dyn RestApi>;

/// What the server needs of the transcoder; tests replace it.
pub trait RestApi: Send + Sync {
    /// Responds to a request.
    fn call(&self, request: Request) -> BoxFuture;

    /// The RPC of a route, as its path in gRPC.
    fn rpc(&self, method: &Method, path: &str) -> Option<&'static str>;

    /// An error in the envelope of the API that owns the path.
    /// An internal error names the request.
    fn error_response(&self, path: &str, error: &Error, request_id: Option<&HeaderValue>) -> Response;
}

/// All services.
pub struct Services {
    /// For gRPC and gRPC-Web.
    pub grpc: Routes,
    /// For REST.
    pub rest: Rest,
    /// Authorizes the calls of `grpc`; `rest` does it itself.
    pub guard: Guard,
}

/// Builds the services.
/// When `closing` is cancelled, streams end with UNAVAILABLE and a resume token.
pub fn compose(
    store: &Store,
    config: &Config,
    secrets: &Secrets,
    publisher: &Arc<Publisher>,
    notifier: &CommandNotifier,
    health: &Health,
    closing: &CancellationToken,
) -> Result<Services, ServeError> {
    let webhooks = Webhooks::new(store.clone(), secrets.signing_keys.clone(), config.webhooks);
    let api = Arc::new(Validated(Api::new(
        store.clone(),
        secrets.signing_keys.clone(),
        publisher.clone(),
        webhooks,
    )));
    let writers = crate::server::pools::of_connectors(config.database_pool_size);
    let ingest_store = store.with_own_pool(&secrets.database_url, PoolOptions::background(writers));
    let ingest = IngestApi::new(ingest_store, notifier.clone(), writers, closing.clone());
    let limit = config.max_body_bytes;
    let reflection = || {
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(pb::DESCRIPTORS)
    };
    let grpc = Routes::default()
        .add_service(ApiKeyServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(ChatServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(LabelServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(MemberServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(PropertyServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(SessionServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(WebhookServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(IngestServiceServer::new(ingest).max_decoding_message_size(MAX_INGEST_MESSAGE))
        .add_service(health.rpc(closing.clone()))
        // Two versions of one protocol: newer tools use v1, grpcio v1alpha.
        .add_service(reflection().build_v1().map_err(ServeError::setup)?)
        .add_service(reflection().build_v1alpha().map_err(ServeError::setup)?);
    let routes = [
        routes::api_key_service_routes(api.clone()),
        routes::chat_service_routes(api.clone()),
        routes::label_service_routes(api.clone()),
        routes::member_service_routes(api.clone()),
        routes::property_service_routes(api.clone()),
        routes::session_service_routes(api.clone()),
        routes::webhook_service_routes(api),
    ];
    let routes = routes.into_iter().flatten().collect();
    let guard = |extensions: &Extensions, rpc: &str| api::guard(extensions, rpc).map_err(Status::from);
    let rest = Transcoder::new(routes, guard, rest::options(limit)).map_err(ServeError::setup)?;
    Ok(Services { grpc, rest: Arc::new(rest), guard: api::guard })
}

impl RestApi for Transcoder {
    fn call(&self, request: Request) -> BoxFuture {
        Service::call(&mut self.clone(), request)
    }

    fn rpc(&self, method: &Method, path: &str) -> Option<&'static str> {
        Transcoder::rpc(self, method, path)
    }

    fn error_response(&self, path: &str, error: &Error, request_id: Option<&HeaderValue>) -> Response {
        let mut response = Transcoder::error_response(self, path, &rest::describe(error), request_id);
        response.extensions_mut().insert(error.kind());
        response
    }
}
