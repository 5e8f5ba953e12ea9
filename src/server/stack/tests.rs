//! The layers around a service that panics, waits or responds, as the last segment of the path says.

use std::collections::BTreeMap;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Version};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::caller::{Caller, Capability, Principal};
use crate::config::{EffectiveSettings, Secret, Secrets};
use crate::connect::inbound::Inbound;
use crate::connect::kinds::Kinds;
use crate::connect::media::MediaStore;
use crate::connect::wakes::Wakes;
use crate::cursor::{SigningKey, SigningKeys};
use crate::ids::OrgId;
use crate::reloading::Reloading;
use crate::server::probes::Health;
use crate::server::protocols::services;
use crate::store::{PoolOptions, Store};

async fn respond(request: Request) -> Result<Response, Infallible> {
    match request.uri().path().rsplit('/').next() {
        Some("panic") => panic!("the message of a panic"),
        Some("slow") => std::future::pending().await,
        _ => Ok(Response::default()),
    }
}

fn stack_with(change: impl FnOnce(&mut Config)) -> Stack {
    let (store, rest, config) = parts(change);
    let keys = SigningKeys::new(SigningKey::generate().parse().expect("a key"), None);
    let kinds = Kinds::new(&config.connections, keys).expect("root certificates");
    let media = MediaStore::new(&store, &config);
    let inbound = Arc::new(Inbound::new(store.clone(), kinds, Wakes::default(), media));
    stack(service_fn(respond), rest, Arc::new(Authenticator::new(&store, None)), inbound, &config)
}

fn parts(change: impl FnOnce(&mut Config)) -> (Store, Transcoder, Config) {
    let settings = EffectiveSettings::find(&BTreeMap::new(), std::iter::empty());
    let mut config = settings.config().expect("the defaults");
    change(&mut config);
    let database_url = Reloading::from(Secret::new("postgres://127.0.0.1:1/none"));
    let secrets = Secrets {
        database_url: database_url.clone(),
        database_direct_url: database_url,
        signing_keys: SigningKeys::new(SigningKey::generate().parse().expect("a key"), None),
    };
    let store = Store::new(&secrets.database_url, PoolOptions::background(1));
    let closing = CancellationToken::new();
    let publisher = Publisher::new(store.clone(), &config, &secrets, closing.clone());
    let notifier = CommandNotifier::new(store.clone());
    let kinds = Kinds::new(&config.connections, secrets.signing_keys.clone()).expect("root certificates");
    let (notifications, connect) = ((&publisher, &notifier), (kinds, Wakes::default()));
    let health = Health::new();
    let services = services::compose(&store, &config, &secrets, notifications, connect, &health, &closing);
    let (_, rest) = services.expect("services");
    (store, rest, config)
}

/// Calls over gRPC, over gRPC-Web, or else over REST.
async fn call(stack: &Stack, protocol: Protocol, path: &str, headers: &[(&str, &str)]) -> Response {
    let (version, content_type) = match protocol {
        Protocol::Grpc => (Version::HTTP_2, "application/grpc"),
        Protocol::GrpcWeb => (Version::HTTP_11, "application/grpc-web+proto"),
        Protocol::Rest => (Version::HTTP_11, "application/json"),
    };
    let request = http::Request::post(path).version(version).header(CONTENT_TYPE, content_type);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let Ok(response) = stack.clone().oneshot(request.body(Body::empty()).expect("a request")).await;
    if protocol != Protocol::Rest {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], content_type);
    }
    response
}

fn grpc_code(headers: &HeaderMap) -> Code {
    Code::from_bytes(headers["grpc-status"].as_bytes())
}

#[tokio::test]
async fn responses_have_a_request_id_and_safe_client_ids_are_kept() {
    let stack = stack_with(|_| {});
    let id = |response: Response| response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let named = call(&stack, Protocol::Rest, "/ok", &[("x-request-id", "abc-1")]).await;
    assert_eq!(id(named), "abc-1");
    for response in [
        call(&stack, Protocol::Rest, "/ok", &[("x-request-id", "a b")]).await,
        call(&stack, Protocol::Rest, "/panic", &[]).await,
        call(&stack, Protocol::Grpc, "/panic", &[]).await,
    ] {
        assert_eq!(id(response).len(), 32);
    }
}

#[tokio::test]
async fn panic_fails_one_request_and_its_message_is_not_sent() {
    let stack = stack_with(|_| {});
    let (parts, body) = call(&stack, Protocol::Rest, "/api/v1/panic", &[]).await.into_parts();
    let body = axum::body::to_bytes(body, 1024).await.expect("a body");
    let body = String::from_utf8_lossy(&body);
    assert_eq!(parts.status, StatusCode::INTERNAL_SERVER_ERROR);
    let id = parts.headers["x-request-id"].to_str().expect("text");
    assert!(body.contains(id) && !body.contains("the message of a panic"), "{body}");
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let response = call(&stack, protocol, "/panic", &[]).await;
        assert_eq!(grpc_code(response.headers()), Code::Internal);
        assert_eq!(response.headers()["grpc-message"], "internal%20error");
    }
    assert_eq!(call(&stack, Protocol::Rest, "/ok", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn shorter_deadline_applies_on_every_protocol() {
    let short = stack_with(|config| config.request_timeout = Duration::from_millis(50));
    for (stack, headers) in [(short, &[][..]), (stack_with(|_| {}), &[("grpc-timeout", "50m")])] {
        let rest = call(&stack, Protocol::Rest, "/slow", headers).await;
        assert_eq!(rest.status(), StatusCode::GATEWAY_TIMEOUT);
        for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
            let response = call(&stack, protocol, "/slow", headers).await;
            assert_eq!(grpc_code(response.headers()), Code::DeadlineExceeded);
        }
    }
}

/// A reader of a new organization.
fn reader() -> Identity {
    let capabilities = [Capability::Read].into_iter().collect();
    let member = Principal::Member("alice".to_owned());
    Identity::Known(Arc::new(Caller { capabilities, ..Caller::new(OrgId::generate(), member) }))
}

#[tokio::test]
async fn requests_beyond_the_limit_are_shed_and_probes_are_not() {
    let (_, rest, config) = parts(|config| config.max_concurrent_requests = 9);
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(rest.clone(), write_rejection))
        .layer(from_fn_with_state(Admission::new(&config, rest), admission::admit));
    let stack = Stack::new(layers.service(service_fn(respond)));
    let get = async |caller: &Identity, path: &str| {
        let request = http::Request::get(path).extension(caller.clone()).body(Body::empty());
        let Ok(response) = stack.clone().oneshot(request.expect("a request")).await;
        response.status()
    };
    let [busy, calm, late] = [reader(), reader(), reader()];
    // Alone, an organization gets eight ninths.
    let slow = futures_util::future::join_all((0..8).map(|_| get(&busy, "/api/v1/sessions/slow")));
    let others = async {
        assert_eq!(get(&busy, "/api/v1/sessions/ok").await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(get(&calm, "/api/v1/sessions/ok").await, StatusCode::OK);
        tokio::select! {
            biased;
            _ = get(&calm, "/api/v1/sessions/slow") => panic!("it does not end"),
            status = get(&late, "/api/v1/sessions/ok") => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
        for probe in ["/livez", "/grpc.health.v1.Health/Check"] {
            assert_eq!(get(&busy, probe).await, StatusCode::OK);
        }
    };
    tokio::select! {
        biased;
        _ = slow => panic!("it does not end"),
        () = others => {}
    }
    assert_eq!(get(&busy, "/api/v1/sessions/ok").await, StatusCode::OK);
}
