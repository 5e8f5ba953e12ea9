//! Export of metrics and traces over OTLP, configured by the standard `OTEL_*` variables.

mod collector;
mod settings;

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;

use self::settings::{is_set, secure_endpoint, signal_setting};
use super::prometheus::Scrape;
use super::{metrics, traces};

// Signals, as variables name them.
const TRACES: &str = "TRACES";
const METRICS: &str = "METRICS";

/// Maximum duration of the last export at shutdown.
const FLUSH: Duration = Duration::from_secs(2);

/// The exporters of this process.
#[derive(Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    scrape: Option<Scrape>,
}

impl Telemetry {
    /// Starts the exporters that the environment configures, and collects metrics for Prometheus if they are scraped. Must be
    /// called once, in a tokio runtime, before any metric is recorded.
    ///
    /// # Errors
    ///
    /// What a variable must be.
    pub fn start(is_scraped: bool) -> Result<Self, String> {
        let is_disabled =
            std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let is_exported = |signal| !is_disabled && signal_setting(signal, "ENDPOINT").is_some();
        let (exports_traces, exports_metrics) = (is_exported(TRACES), is_exported(METRICS));
        let invalid = |error: ExporterBuildError| format!("OTEL_EXPORTER_OTLP_*: {error}");
        let mut telemetry = Self::default();
        if exports_traces {
            let exporter = connect(SpanExporter::builder().with_tonic(), TRACES)?;
            let exporter = exporter.build().map_err(invalid)?;
            let provider =
                SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
            let provider = provider.build();
            traces::record_with(provider.tracer("switchboard"));
            telemetry.traces = Some(provider);
        }
        if exports_metrics || is_scraped {
            let mut provider = SdkMeterProvider::builder().with_resource(resource());
            if exports_metrics {
                let exporter = connect(MetricExporter::builder().with_tonic(), METRICS)?;
                let exporter = exporter.build().map_err(invalid)?;
                provider = provider.with_reader(PeriodicReader::builder(exporter).build());
            }
            if is_scraped {
                let scrape = Scrape::default();
                provider = provider.with_reader(scrape.clone());
                telemetry.scrape = Some(scrape);
            }
            let provider = provider.build();
            global::set_meter_provider(provider.clone());
            metrics::enable();
            telemetry.metrics = Some(provider);
        }
        Ok(telemetry)
    }

    /// Metrics for Prometheus, if they are collected.
    pub fn scrape(&self) -> Option<Scrape> {
        self.scrape.clone()
    }

    /// Exports the remaining spans and metrics. Blocks for some seconds at most.
    pub fn end(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "cannot export the last spans");
        }
        if let Some(metrics) = self.metrics
            && let Err(error) = metrics.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "cannot export the last metrics");
        }
    }
}

/// Connects an exporter to the collector of its signal: over gRPC, and with TLS unless the URL begins with `http://`.
fn connect<E: WithTonicConfig>(exporter: E, signal: &'static str) -> Result<E, String> {
    if let Some((variable, protocol)) = signal_setting(signal, "PROTOCOL")
        && protocol != "grpc"
    {
        return Err(format!("{variable} must be grpc"));
    }
    match secure_endpoint(signal) {
        Some(url) => Ok(exporter.with_channel(collector::connect(signal, url)?)),
        None => Ok(exporter),
    }
}

/// Describes this process. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` override and extend it.
fn resource() -> Resource {
    let builder = Resource::builder();
    let builder =
        if is_set("OTEL_SERVICE_NAME") { builder } else { builder.with_service_name("switchboard") };
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    builder.with_attribute(version).build()
}
