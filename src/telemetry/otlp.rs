//! Metrics and traces for a collector, over OTLP, as the standard `OTEL_*` variables say.

mod collector;

use std::fmt;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::task::JoinSet;

use self::collector::Collector;
use super::prometheus::Scrape;
use super::{metrics, traces};

// Signals, as variables name them.
const TRACES: &str = "TRACES";
const METRICS: &str = "METRICS";

/// How long the last spans and metrics may take on their way out.
const FLUSH: Duration = Duration::from_secs(2);

/// Variables that ask for what this program cannot do. Its display says what.
#[derive(Debug, PartialEq, Eq)]
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
    /// Those who look whether files change.
    following: JoinSet<()>,
}

impl Telemetry {
    /// Begins to send what the environment asks for, and to keep metrics for whoever comes for them. Must be called inside
    /// a runtime, once, and before anything is counted.
    pub fn start(is_scraped: bool) -> Result<Self, InvalidExport> {
        let is_disabled =
            std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let wants = |signal| !is_disabled && signal_setting(signal, "ENDPOINT").is_some();
        let (wants_traces, wants_metrics) = (wants(TRACES), wants(METRICS));
        let invalid = |error: ExporterBuildError| InvalidExport(format!("OTEL_EXPORTER_OTLP_*: {error}"));
        let mut telemetry = Self::default();
        if wants_traces {
            let exporter = telemetry.connect(SpanExporter::builder().with_tonic(), TRACES)?;
            let exporter = exporter.build().map_err(invalid)?;
            let provider =
                SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
            let provider = provider.build();
            traces::record_with(provider.tracer("switchboard"));
            telemetry.traces = Some(provider);
        }
        if wants_metrics || is_scraped {
            let mut provider = SdkMeterProvider::builder().with_resource(resource());
            if wants_metrics {
                let exporter = telemetry.connect(MetricExporter::builder().with_tonic(), METRICS)?;
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
            metrics::keep();
            telemetry.metrics = Some(provider);
        }
        Ok(telemetry)
    }

    /// Has an exporter speak to the collector that the signal goes to: over gRPC, and with TLS unless its URL begins with
    /// `http://`.
    fn connect<E: WithTonicConfig>(&mut self, exporter: E, signal: &'static str) -> Result<E, InvalidExport> {
        if let Some((variable, protocol)) = signal_setting(signal, "PROTOCOL")
            && protocol != "grpc"
        {
            return Err(InvalidExport(format!("{variable} must be grpc: no other protocol is spoken here")));
        }
        match secure_endpoint(signal) {
            Some(url) => {
                let (channel, following) = Collector::new(signal, url).connect()?;
                self.following.spawn(following);
                Ok(exporter.with_channel(channel))
            }
            None => Ok(exporter),
        }
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

/// A signal's own setting, else that of all signals, with the variable that has it.
fn signal_setting(signal: &str, name: &str) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
    let variable = if is_set(&own) { own } else { format!("OTEL_EXPORTER_OTLP_{name}") };
    let value = std::env::var(&variable).ok().filter(|value| !value.is_empty())?;
    Some((variable, value))
}

/// The URL of the collector that the signal goes to, if that is spoken to over TLS.
fn secure_endpoint(signal: &str) -> Option<String> {
    let (_, url) = signal_setting(signal, "ENDPOINT")?;
    let is_insecure =
        || signal_setting(signal, "INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    match url.split_once("://") {
        Some(("https", _)) => Some(url),
        None if !is_insecure() => Some(format!("https://{url}")),
        _ => None,
    }
}

/// Who is told of; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say more, or otherwise.
fn resource() -> Resource {
    let builder = Resource::builder();
    let builder =
        if is_set("OTEL_SERVICE_NAME") { builder } else { builder.with_service_name("switchboard") };
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    builder.with_attribute(version).build()
}
