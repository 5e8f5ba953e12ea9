//! The state of a connection: its HTTP version, and whether it is closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Version};

use crate::server::types::Response;

/// Shared by its clones.
#[derive(Clone, Default)]
pub(super) struct ConnectionState(Arc<State>);

#[derive(Default)]
struct State {
    has_request: AtomicBool,
    is_http2: AtomicBool,
    is_closing: AtomicBool,
}

impl ConnectionState {
    /// Records a request of that version.
    pub(super) fn record_request(&self, version: Version) {
        self.0.has_request.store(true, Ordering::Relaxed);
        if version == Version::HTTP_2 {
            self.0.is_http2.store(true, Ordering::Relaxed);
        }
    }

    /// Completes after that time if no request came, and else never.
    /// HTTP/1.1 has a timeout of its own for later requests, and HTTP/2 its pings; before the version is known there is
    /// neither.
    pub(super) async fn no_request_within(&self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.0.has_request.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    /// Whether the connection uses HTTP/2, which has a frame that announces its end.
    pub(super) fn is_http2(&self) -> bool {
        self.0.is_http2.load(Ordering::Relaxed)
    }

    /// From now on, responses announce the end of the connection.
    pub(super) fn close(&self) {
        self.0.is_closing.store(true, Ordering::Relaxed);
    }

    /// Adds `connection: close` if the connection is closing and the version needs it.
    pub(super) fn announce_close(&self, version: Version, mut response: Response) -> Response {
        if version != Version::HTTP_2 && self.0.is_closing.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
