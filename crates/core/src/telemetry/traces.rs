//! The trace of a request, from the client to the database (W3C Trace Context, OpenTelemetry).

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

const TRACEPARENT: &str = "traceparent";

/// The response header that names the trace (W3C Trace Context Level 2 draft).
pub const RESPONSE_HEADER: HeaderName = HeaderName::from_static("traceresponse");

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Starts recording traces.
pub(super) fn record_with(tracer: SdkTracer) {
    // A process has one tracer.
    let _ = TRACER.set(tracer);
}

/// Whether traces are recorded.
pub fn are_recorded() -> bool {
    TRACER.get().is_some()
}

/// The span of a request, the parent of further spans. Cheap to clone.
#[derive(Clone)]
pub struct Trace(Context);

impl Trace {
    /// The span of a request that starts now; `None` when traces are not recorded.
    pub(super) fn begin(headers: &HeaderMap) -> Option<Self> {
        let tracer = TRACER.get()?;
        let parent = parent(headers);
        let span =
            tracer.span_builder("call").with_kind(SpanKind::Server).start_with_context(tracer, &parent);
        Some(Self(parent.with_span(span)))
    }

    pub(super) fn id(&self) -> String {
        self.context().trace_id().to_string()
    }

    /// The value of [`RESPONSE_HEADER`].
    pub fn response_header(&self) -> Option<HeaderValue> {
        let context = self.context();
        let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
        HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")).ok()
    }

    /// Adds a child span that lasted from `since` until now.
    pub fn add(&self, name: impl Into<Cow<'static, str>>, since: Instant, kind: SpanKind) {
        let Some(tracer) = TRACER.get().filter(|_| self.context().is_sampled()) else { return };
        let now = SystemTime::now();
        let begun = now.checked_sub(since.elapsed()).unwrap_or(now);
        let span = tracer.span_builder(name).with_kind(kind).with_start_time(begun);
        drop(span.start_with_context(tracer, &self.0));
    }

    /// Ends the span with its RPC, protocol and gRPC code.
    pub fn end(&self, rpc: &str, protocol: &'static str, code: &'static str, is_fault: bool) {
        let span = self.0.span();
        span.update_name(rpc.trim_start_matches('/').to_owned());
        span.set_attributes([
            KeyValue::new("rpc.method", rpc.to_owned()),
            KeyValue::new("switchboard.protocol", protocol),
            KeyValue::new("rpc.response.status_code", code),
        ]);
        if is_fault {
            span.set_status(Status::error(code));
        }
        span.end();
    }

    fn context(&self) -> SpanContext {
        self.0.span().span_context().clone()
    }
}

/// The trace id in the headers of a request.
pub(super) fn id_in(headers: &HeaderMap) -> Option<String> {
    headers.get(TRACEPARENT)?;
    let parent = parent(headers);
    let context = parent.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

fn parent(headers: &HeaderMap) -> Context {
    if !headers.contains_key(TRACEPARENT) {
        return Context::new();
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers))
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
