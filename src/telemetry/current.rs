//! The call that is being served, as log lines and spans name it, and whose it is, on whatever thread something is done for it.

use std::cell::Cell;

use http::{HeaderMap, HeaderValue};

use super::traces::{self, Trace};
use crate::ids::OrgId;

tokio::task_local! {
    static CURRENT: Current;
}

/// A call that is being served. Cheap to clone.
#[derive(Clone)]
pub struct Current {
    request_id: HeaderValue,
    trace_id: Option<String>,
    trace: Option<Trace>,
    org: Cell<Option<OrgId>>,
}

impl Current {
    /// A call that begins now, with these headers. It goes on with the trace that they name (W3C Trace Context).
    pub fn begin(request_id: HeaderValue, headers: &HeaderMap) -> Self {
        let trace = Trace::begin(headers);
        let trace_id = trace.as_ref().map(Trace::id).or_else(|| traces::id_in(headers));
        Self { request_id, trace_id, trace, org: Cell::default() }
    }

    /// Its trace, where traces are recorded.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The organization whose call it is; `None` until the token is checked.
    pub fn org(&self) -> Option<OrgId> {
        self.org.get()
    }

    /// Its id, made of characters that need no quoting.
    pub(super) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    pub(super) fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// Does something for this call, on any thread.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Serves this call.
    pub async fn serve<F: Future>(self, call: F) -> F::Output {
        CURRENT.scope(self, call).await
    }
}

/// The present call; `None` where none is served.
pub fn get() -> Option<Current> {
    look(Clone::clone)
}

/// Says which organization's call the present one is.
pub fn is_of(org: OrgId) {
    look(|call| call.org.set(Some(org)));
}

/// Looks at the present call.
pub(super) fn look<T>(look: impl FnOnce(&Current) -> T) -> Option<T> {
    CURRENT.try_with(look).ok()
}
