//! The services: tonic's routes for gRPC and gRPC-Web, the transcoder for REST.

use std::sync::Arc;

use ::transcode::{Transcoder, Validated};
use http::Extensions;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;

use crate::actions::command_notifier::CommandNotifier;
use crate::actions::connections::Connections;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Webhooks;
use crate::api::{self, Api, FieldChecks, IngestApi};
use crate::config::{Config, Secrets};
use crate::connect::kinds::{self, Kinds};
use crate::connect::media::MediaStore;
use crate::connect::outbox::Files;
use crate::connect::wakes::Wakes;
use crate::error::{Error, Result};
use crate::pb::api_key_service_server::ApiKeyServiceServer;
use crate::pb::caller_service_server::CallerServiceServer;
use crate::pb::chat_service_server::ChatServiceServer;
use crate::pb::connection_service_server::ConnectionServiceServer;
use crate::pb::ingest_service_server::IngestServiceServer;
use crate::pb::label_service_server::LabelServiceServer;
use crate::pb::member_service_server::MemberServiceServer;
use crate::pb::message_service_server::MessageServiceServer;
use crate::pb::note_service_server::NoteServiceServer;
use crate::pb::property_service_server::PropertyServiceServer;
use crate::pb::session_service_server::SessionServiceServer;
use crate::pb::webhook_service_server::WebhookServiceServer;
use crate::pb::{self, routes};
use crate::rest;
use crate::server::probes::Health;
use crate::store::{Lane, Store};

/// The largest message of a connector, in bytes.
/// Far more than an event may have, so that an event that is too large is refused by its number instead of ending the
/// stream.
const MAX_INGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Services that need no token and reveal nothing of any organization.
pub const OPEN_SERVICES: [&str; 3] =
    [HEALTH, "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];

/// The health service.
pub const HEALTH: &str = "/grpc.health.v1.Health/";

/// The largest message of an open service, in bytes: the name of a service or a symbol. Who sends it is not known, so what
/// is received of it counts for nobody.
const MAX_OPEN_MESSAGE: usize = 1024;

/// The largest message of an RPC, in bytes, where other requests may have `max_body`.
pub fn message_limit(rpc: &str, max_body: usize) -> usize {
    if rpc.starts_with("/switchboard.v1.IngestService/") {
        MAX_INGEST_MESSAGE
    } else if OPEN_SERVICES.iter().any(|service| rpc.starts_with(service)) {
        MAX_OPEN_MESSAGE
    } else {
        rest::body_limit(rpc, max_body)
    }
}

/// Builds the services: for gRPC and gRPC-Web, whose calls [`api::guard`] must authorize, and for REST.
/// When `closing` is cancelled, streams end with UNAVAILABLE and a resume token.
pub fn compose(
    store: &Store,
    config: &Config,
    secrets: &Secrets,
    (publisher, notifier): (&Arc<Publisher>, &CommandNotifier),
    (kinds, wakes): (Kinds, Wakes),
    health: &Health,
    closing: &CancellationToken,
) -> Result<(Routes, Transcoder)> {
    let webhooks = Webhooks::new(store.clone(), secrets.signing_keys.clone(), config.webhooks);
    let hosts = kinds::destinations(&config.connections);
    let (keys, settings) = (secrets.signing_keys.clone(), &config.connections);
    let connections = Connections::new(store.clone(), keys, kinds::RULES, hosts, settings);
    let media = MediaStore::new(store, config);
    let files = Files::new(media.clone(), kinds.public_http.clone());
    let api = Arc::new(Validated::<_, FieldChecks>::new(Api::new(
        store.clone(),
        secrets.signing_keys.clone(),
        publisher.clone(),
        webhooks,
        connections,
        (kinds, wakes),
        media,
    )));
    let ingest = IngestApi::new(store.with_lane(Lane::Ingest), files, notifier.clone(), closing.clone());
    let ingest = ingest.keeping_deleted_text(config.keep_deleted_text);
    let limit = config.max_body_bytes;
    // Smaller requests of these services are bounded before.
    let send_limit = rest::body_limit("/switchboard.v1.MessageService/SendMessage", limit);
    // Two versions of one protocol: newer tools use v1, grpcio v1alpha.
    let v1 = reflection().build_v1().map_err(Error::internal)?;
    let v1alpha = reflection().build_v1alpha().map_err(Error::internal)?;
    let grpc = Routes::default()
        .add_service(ApiKeyServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(CallerServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(ChatServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(ConnectionServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(LabelServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(MemberServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(MessageServiceServer::from_arc(api.clone()).max_decoding_message_size(send_limit))
        .add_service(NoteServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(PropertyServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(SessionServiceServer::from_arc(api.clone()).max_decoding_message_size(send_limit))
        .add_service(WebhookServiceServer::from_arc(api.clone()).max_decoding_message_size(limit))
        .add_service(IngestServiceServer::new(ingest).max_decoding_message_size(MAX_INGEST_MESSAGE))
        .add_service(health.rpc(closing.clone()).max_decoding_message_size(MAX_OPEN_MESSAGE))
        .add_service(v1.max_decoding_message_size(MAX_OPEN_MESSAGE))
        .add_service(v1alpha.max_decoding_message_size(MAX_OPEN_MESSAGE));
    let routes = [
        routes::api_key_service_routes(api.clone()),
        routes::caller_service_routes(api.clone()),
        routes::chat_service_routes(api.clone()),
        routes::connection_service_routes(api.clone()),
        routes::label_service_routes(api.clone()),
        routes::member_service_routes(api.clone()),
        routes::message_service_routes(api.clone()),
        routes::note_service_routes(api.clone()),
        routes::property_service_routes(api.clone()),
        routes::session_service_routes(api.clone()),
        routes::webhook_service_routes(api),
    ];
    let routes = routes.into_iter().flatten().collect();
    let guard = |extensions: &Extensions, rpc: &str| api::guard(extensions, rpc).map_err(Status::from);
    let rest = Transcoder::new(routes, guard, rest::options(limit)).map_err(Error::internal)?;
    Ok((grpc, rest))
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
