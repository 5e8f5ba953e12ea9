//! Routes every request to gRPC, gRPC-Web, REST, a page or a probe.

mod grpc_gzip;
pub mod media;
mod private;
pub mod protocol;
pub mod services;
mod web_text;

use std::convert::Infallible;
use std::sync::Arc;

use ::transcode::Transcoder;
use axum::body::Body;
use axum::response::IntoResponse;
use http::Uri;
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};

use self::media::MediaFiles;
use self::protocol::{Protocol, describe_unreadable};
use self::services::HEALTH;
pub use self::services::OPEN_SERVICES;
use super::compression;
use super::pages::{LINKING, Pages};
use super::probes::Health;
use super::types::{Rejection, Request, Response, Stack};
use crate::api;

/// Whether the path is a probe's: probes are neither shed nor rate limited.
pub fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz") || path.starts_with(HEALTH)
}

/// Removes a slash at the end of a path, except for RPCs: people and programs add one without meaning another path.
pub fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty() && !LINKING.contains(path));
    let Some(path) = path else { return request };
    if Protocol::of(&request) == Protocol::Rest {
        let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = target.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Whether the path is that of a stream that needs no token.
pub fn is_open_stream(path: &str) -> bool {
    path.strip_prefix(HEALTH) == Some("Watch")
        || OPEN_SERVICES[1..].iter().any(|prefix| path.starts_with(prefix))
}

/// Sends a request to its protocol. Cheap to clone.
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    grpc: BoxCloneSyncService<Request, http::Response<tonic::body::Body>, Infallible>,
    rest: Transcoder,
    pages: Pages,
    media: MediaFiles,
    compressed: Stack,
    health: Health,
}

impl Router {
    /// Routes to these services, pages, media files and probes. `max_body` is the largest body of a request, in bytes.
    pub fn new(
        grpc: Routes,
        rest: Transcoder,
        pages: Pages,
        media: MediaFiles,
        health: Health,
        max_body: usize,
    ) -> Self {
        let inflated = move |request: http::Request<_>| {
            let limit = services::message_limit(request.uri().path(), max_body);
            grpc_gzip::inflated(request, limit)
        };
        let grpc = ServiceBuilder::new()
            .map_request(web_text::decoded)
            .layer(GrpcWebLayer::new())
            .map_response(describe_unreadable)
            .map_request(inflated)
            .service(grpc.prepare());
        let compressed = ServiceBuilder::new()
            .map_response(|response: http::Response<_>| response.map(Body::new))
            .layer(compression::layer())
            .service(rest.clone());
        Self(Arc::new(Inner {
            grpc: BoxCloneSyncService::new(grpc),
            rest,
            pages,
            media,
            compressed: Stack::new(compressed),
            health,
        }))
    }

    /// Responds to a request of any protocol.
    pub async fn route(&self, request: Request) -> Response {
        match (Protocol::of(&request), request.uri().path()) {
            (Protocol::Grpc, _) => self.0.call_grpc(request).await,
            // Browsers and the caches before them see an ordinary response.
            (Protocol::GrpcWeb, _) => {
                let mut response = self.0.call_grpc(request).await;
                private::write_headers(response.headers_mut());
                response
            }
            (Protocol::Rest, "/livez") => self.0.health.live(request.method()),
            (Protocol::Rest, "/readyz") => self.0.health.ready(request.method()),
            (Protocol::Rest, path) if media::is_media(path) => self.0.media.respond(request).await,
            (Protocol::Rest, _) => match self.0.pages.respond(&request) {
                Some(mut page) => {
                    private::write_headers(page.headers_mut());
                    page
                }
                // Paths that do not exist, too: they have an error in the API's format.
                None => self.0.call_rest(request).await,
            },
        }
    }
}

impl Inner {
    /// Checks the caller before the message is decoded.
    async fn call_grpc(&self, request: Request) -> Response {
        let path = request.uri().path();
        let is_open = OPEN_SERVICES.iter().any(|prefix| path.starts_with(prefix));
        if !is_open && let Err(error) = api::guard(request.extensions(), path) {
            return Rejection(error).into_response();
        }
        let Ok(response) = self.grpc.clone().oneshot(request).await;
        response.map(Body::new)
    }

    async fn call_rest(&self, mut request: Request) -> Response {
        let may_compress = compression::negotiate(request.headers_mut());
        let called = match may_compress {
            true => self.compressed.clone().oneshot(request).await,
            false => self.rest.clone().oneshot(request).await,
        };
        let Ok(mut response) = called;
        private::write_headers(response.headers_mut());
        compression::write_headers(&mut response, may_compress);
        response
    }
}
