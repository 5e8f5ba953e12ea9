//! What the protocols lead to: every RPC once, for gRPC and gRPC-Web as tonic's routes, for REST behind the transcoder.

use std::sync::Arc;

use ::transcode::Transcoder;
use http::{Extensions, HeaderValue, Method};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;

use super::guard::Guard;
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
use crate::server::types::{Answering, Response};
use crate::store::{PoolOptions, Store};

/// The services whose readiness the gRPC health service tells.
pub const NAMES: &[&str] = &[
    "switchboard.v1.ApiKeyService",
    "switchboard.v1.ChatService",
    "switchboard.v1.IngestService",
    "switchboard.v1.LabelService",
    "switchboard.v1.MemberService",
    "switchboard.v1.PropertyService",
    "switchboard.v1.SessionService",
    "switchboard.v1.WebhookService",
];

/// The largest message of a connector, in bytes. Far more than an event may have, so that one that is too large can be
/// refused by its number instead of ending the stream.
const MAX_INGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// The REST protocol.
pub trait Rest: Answering + Clone + Send + Sync + 'static {
    /// The RPC a request stands for, as its path in gRPC.
    fn rpc(&self, method: &Method, path: &str) -> Option<&'static str>;

    /// An error in the envelope of the API that owns the path. A fault of ours names the request.
    fn error_response(&self, path: &str, error: &Error, request_id: Option<&HeaderValue>) -> Response;
}

/// Everything behind the protocols.
pub struct Services<R> {
    /// For gRPC and gRPC-Web.
    pub grpc: Routes,
    /// For REST.
    pub rest: R,
    /// Who may call what.
    pub guard: Guard,
}

/// Puts the services together. Streams end when `closing` is cancelled, with UNAVAILABLE and what resumes them.
pub fn compose(
    store: &Store,
    config: &Config,
    secrets: &Secrets,
    watches: &Arc<Publisher>,
    notifier: &CommandNotifier,
    health: &Health,
    closing: &CancellationToken,
) -> Result<Services<impl Rest>, ServeError> {
    let webhooks = Webhooks::new(store.clone(), secrets.signing_keys.clone(), config.webhooks);
    let api = Arc::new(Api::new(store.clone(), secrets.signing_keys.clone(), watches.clone(), webhooks));
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
        .add_service(health.rpc(NAMES, closing.clone()))
        // Two versions of one protocol: newer tools ask for v1, grpcio for v1alpha.
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
    Ok(Services { grpc, rest, guard: api::guard })
}

impl Rest for Transcoder {
    fn rpc(&self, method: &Method, path: &str) -> Option<&'static str> {
        Transcoder::rpc(self, method, path)
    }

    fn error_response(&self, path: &str, error: &Error, request_id: Option<&HeaderValue>) -> Response {
        let mut response = Transcoder::error_response(self, path, &rest::describe(error), request_id);
        response.extensions_mut().insert(error.kind());
        response
    }
}
