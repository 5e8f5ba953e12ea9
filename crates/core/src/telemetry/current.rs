//! The current request: its ids for log lines and spans, on every thread that works for it.

use std::cell::OnceCell;

use http::{HeaderMap, HeaderValue};

use super::traces::{self, Trace};
use crate::ids::{KeyId, OrgId};

tokio::task_local! {
    static CURRENT: Current;
}

/// A request in progress. Cheap to clone.
#[derive(Clone)]
pub struct Current {
    request_id: HeaderValue,
    trace_id: Option<String>,
    trace: Option<Trace>,
    org: OnceCell<OrgId>,
    key: OnceCell<KeyId>,
}

impl Current {
    /// A request that starts now. It continues the trace of its headers (W3C Trace Context).
    pub fn begin(request_id: HeaderValue, headers: &HeaderMap) -> Self {
        let trace = Trace::begin(headers);
        let trace_id = trace.as_ref().map(Trace::id).or_else(|| traces::id_in(headers));
        Self { request_id, trace_id, trace, org: OnceCell::new(), key: OnceCell::new() }
    }

    /// Its trace, if traces are recorded.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The organization of the caller; `None` until the caller is authenticated.
    pub fn org(&self) -> Option<OrgId> {
        self.org.get().copied()
    }

    /// The api-key that the caller presented, valid or not; `None` for other tokens.
    pub fn key(&self) -> Option<&KeyId> {
        self.key.get()
    }

    /// Its id, of characters that need no escapes.
    pub(super) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    pub(super) fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// Runs a closure with this as the current request, on any thread.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Runs a future with this as the current request.
    pub async fn serve<F: Future>(self, serving: F) -> F::Output {
        CURRENT.scope(self, serving).await
    }
}

/// The current request; `None` outside of one.
pub fn get() -> Option<Current> {
    with(Clone::clone)
}

/// Sets the organization of the current request.
pub fn set_org(org: OrgId) {
    with(|request| request.org.set(org));
}

/// Sets the api-key that the caller of the current request presented.
pub fn set_key(key: KeyId) {
    with(|request| request.key.set(key));
}

/// Applies a closure to the current request.
pub(super) fn with<T>(read: impl FnOnce(&Current) -> T) -> Option<T> {
    CURRENT.try_with(read).ok()
}
