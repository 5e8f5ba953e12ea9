//! Metrics in Prometheus's text format.

use std::fmt::{Display, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};

/// Collects all metrics at each scrape.
#[derive(Clone, Debug, Default)]
pub struct Scrape(Arc<ManualReader>);

impl Scrape {
    /// All metrics in the text format.
    pub fn text(&self) -> String {
        let mut found = ResourceMetrics::default();
        let mut text = String::new();
        if let Err(error) = self.0.collect(&mut found) {
            tracing::warn!(%error, "cannot collect metrics");
        }
        for metric in found.scope_metrics().flat_map(|scope| scope.metrics()) {
            // Writing to a string does not fail.
            let _ = write_metric(&mut text, metric);
        }
        text
    }
}

impl MetricReader for Scrape {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, found: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(found)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

fn write_metric(text: &mut String, metric: &Metric) -> std::fmt::Result {
    match metric.data() {
        AggregatedMetrics::F64(data) => write_data(text, metric, data),
        AggregatedMetrics::U64(data) => write_data(text, metric, data),
        AggregatedMetrics::I64(data) => write_data(text, metric, data),
    }
}

fn write_data<T: Display + Copy>(
    text: &mut String,
    metric: &Metric,
    data: &MetricData<T>,
) -> std::fmt::Result {
    let unit = if metric.unit() == "s" { "_seconds" } else { "" };
    let mut name = format!("{}{unit}", metric.name().replace('.', "_"));
    let kind = match data {
        MetricData::Sum(sum) if sum.is_monotonic() => {
            name.push_str("_total");
            "counter"
        }
        MetricData::Sum(_) | MetricData::Gauge(_) => "gauge",
        MetricData::Histogram(_) => "histogram",
        // Not used by this program.
        MetricData::ExponentialHistogram(_) => return Ok(()),
    };
    writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.description())?;
    match data {
        MetricData::Gauge(gauge) => {
            for point in gauge.data_points() {
                writeln!(text, "{name}{} {}", Labels::of(point.attributes()), point.value())?;
            }
        }
        MetricData::Sum(sum) => {
            for point in sum.data_points() {
                writeln!(text, "{name}{} {}", Labels::of(point.attributes()), point.value())?;
            }
        }
        MetricData::Histogram(histogram) => {
            for point in histogram.data_points() {
                let labels = Labels::of(point.attributes());
                let mut below = 0;
                for (bound, count) in point.bounds().zip(point.bucket_counts()) {
                    below += count;
                    writeln!(text, "{name}_bucket{} {below}", labels.and("le", bound))?;
                }
                writeln!(text, "{name}_bucket{} {}", labels.and("le", "+Inf"), point.count())?;
                writeln!(text, "{name}_sum{labels} {}", point.sum())?;
                writeln!(text, "{name}_count{labels} {}", point.count())?;
            }
        }
        MetricData::ExponentialHistogram(_) => {}
    }
    Ok(())
}

/// `name="value"` pairs, sorted by name.
struct Labels(Vec<String>);

impl Labels {
    fn of<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Self {
        let pair = |attribute: &KeyValue| {
            let value =
                attribute.value.to_string().replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            format!("{}=\"{value}\"", attribute.key)
        };
        let mut pairs: Vec<_> = attributes.map(pair).collect();
        pairs.sort();
        Self(pairs)
    }

    fn and(&self, name: &str, value: impl Display) -> Self {
        Self(self.0.iter().cloned().chain([format!("{name}=\"{value}\"")]).collect())
    }
}

impl Display for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{{{}}}", self.0.join(",")) }
    }
}
