//! Metrics and traces for a collector, over OTLP, as the standard `OTEL_*` variables say.

use std::fmt;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::prometheus::Scrape;
use super::{metrics, traces};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

/// How long the last spans and metrics may take on their way out.
const FLUSH: Duration = Duration::from_secs(2);

/// Variables that ask for what this program cannot do. Its display says what.
#[derive(Debug)]
pub struct InvalidExport(String);

impl fmt::Display for InvalidExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidExport {}

/// What goes out of the process, until it is ended.
#[derive(Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    scrape: Option<Scrape>,
}

impl Telemetry {
    /// Begins to send what the environment asks for, and to keep metrics for whoever comes for them. Must be called inside
    /// a runtime, once, and before anything is counted.
    pub fn start(is_scraped: bool) -> Result<Self, InvalidExport> {
        let wants = |endpoint: &str| is_set(ENDPOINT) || is_set(endpoint);
        let is_disabled =
            std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let (wants_traces, wants_metrics) =
            (!is_disabled && wants(TRACES_ENDPOINT), !is_disabled && wants(METRICS_ENDPOINT));
        if let Ok(protocol) = std::env::var(PROTOCOL)
            && (wants_traces || wants_metrics)
            && !matches!(protocol.as_str(), "" | "grpc")
        {
            return Err(InvalidExport(format!("{PROTOCOL} must be grpc: no other protocol is spoken here")));
        }
        let endpoints = [ENDPOINT, TRACES_ENDPOINT, METRICS_ENDPOINT];
        let is_tls = |endpoint: &&str| std::env::var(endpoint).is_ok_and(|url| url.starts_with("https:"));
        if let Some(endpoint) = endpoints.iter().find(|endpoint| is_tls(endpoint))
            && (wants_traces || wants_metrics)
        {
            let message = "must be an http:// URL: collectors are not spoken to over TLS, so run one beside the service";
            return Err(InvalidExport(format!("{endpoint} {message}")));
        }
        let invalid =
            |error: opentelemetry_otlp::ExporterBuildError| InvalidExport(format!("{ENDPOINT}: {error}"));
        let mut telemetry = Self::default();
        if wants_traces {
            let exporter = SpanExporter::builder().with_tonic().build().map_err(invalid)?;
            let provider =
                SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
            let provider = provider.build();
            traces::record_with(provider.tracer("switchboard"));
            telemetry.traces = Some(provider);
        }
        if wants_metrics || is_scraped {
            let mut provider = SdkMeterProvider::builder().with_resource(resource());
            if wants_metrics {
                let exporter = MetricExporter::builder().with_tonic().build().map_err(invalid)?;
                provider = provider.with_reader(PeriodicReader::builder(exporter).build());
            }
            if is_scraped {
                let scrape = Scrape::default();
                provider = provider.with_reader(scrape.clone());
                telemetry.scrape = Some(scrape);
            }
            let provider = provider.build();
            global::set_meter_provider(provider.clone());
            metrics::keep();
            telemetry.metrics = Some(provider);
        }
        Ok(telemetry)
    }

    /// Metrics for Prometheus, if they are kept.
    pub fn scrape(&self) -> Option<Scrape> {
        self.scrape.clone()
    }

    /// Sends what has not been sent. Blocks for some seconds at most.
    pub fn end(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "could not send the last spans");
        }
        if let Some(metrics) = self.metrics
            && let Err(error) = metrics.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "could not send the last metrics");
        }
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Who is told of; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say more, or otherwise.
fn resource() -> Resource {
    let builder = Resource::builder();
    let builder =
        if is_set("OTEL_SERVICE_NAME") { builder } else { builder.with_service_name("switchboard") };
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    builder.with_attribute(version).build()
}
