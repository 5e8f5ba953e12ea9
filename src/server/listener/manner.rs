//! What is known of a connection while it is served: which HTTP it speaks, and whether it is about to be closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Version};

use crate::server::types::Response;

/// Shared between a connection and its calls.
#[derive(Clone, Default)]
pub(super) struct Manner(Arc<State>);

#[derive(Default)]
struct State {
    has_spoken: AtomicBool,
    is_http2: AtomicBool,
    is_closing: AtomicBool,
}

impl Manner {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A request of that version came.
    pub(super) fn heard(&self, version: Version) {
        self.0.has_spoken.store(true, Ordering::Relaxed);
        if version == Version::HTTP_2 {
            self.0.is_http2.store(true, Ordering::Relaxed);
        }
    }

    /// Completes after that time when no request came until then, and never otherwise. HTTP/1.1 has a limit of its own for
    /// what comes after the first one, and HTTP/2 its pings; before it is known which it is, there is neither.
    pub(super) async fn stays_silent(&self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.0.has_spoken.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    /// Whether it has spoken HTTP/2, which has a frame of its own to say that a connection ends.
    pub(super) fn is_http2(&self) -> bool {
        self.0.is_http2.load(Ordering::Relaxed)
    }

    /// From now on, answers say that the connection ends with them.
    pub(super) fn close(&self) {
        self.0.is_closing.store(true, Ordering::Relaxed);
    }

    /// The answer, which says so where it must.
    pub(super) fn say_farewell(&self, version: Version, mut response: Response) -> Response {
        if version != Version::HTTP_2 && self.0.is_closing.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
