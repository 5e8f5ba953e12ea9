//! The metrics of this process. Without `--metrics-address` and an OTLP endpoint, recording does nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use opentelemetry::{KeyValue, global};

/// Buckets of durations, in seconds: up to the longest request.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static ENABLED: AtomicBool = AtomicBool::new(false);

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new(&global::meter("switchboard")));

struct Metrics {
    requests: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
    shed: Counter<u64>,
    connections: UpDownCounter<i64>,
    aborted_connections: Counter<u64>,
    acquires: Histogram<f64>,
    works: Histogram<f64>,
    statements: Histogram<f64>,
    retries: Counter<u64>,
    schema_version: Gauge<u64>,
    ingested: Counter<u64>,
    streams: UpDownCounter<i64>,
    event_lag: Gauge<f64>,
    webhook_attempts: Counter<u64>,
    evictions: Counter<u64>,
    database_connections: UpDownCounter<i64>,
    ready: Gauge<u64>,
    certificate_expiry: Gauge<u64>,
    certificate_files: Gauge<u64>,
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "a list: one entry per metric")]
    fn new(meter: &Meter) -> Self {
        let duration = |name, description| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(BUCKETS.to_vec()).build()
        };
        let counter = |name, description| meter.u64_counter(name).with_description(description).build();
        let level = |name, description| meter.i64_up_down_counter(name).with_description(description).build();
        let gauge = |name, description| meter.u64_gauge(name).with_description(description);
        let build = gauge("switchboard.build_info", "Version of the program; always 1").build();
        build.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
        Self {
            requests: duration(
                "switchboard.request.duration",
                "Duration of requests by RPC, protocol and gRPC code; of a stream, until its start, recorded at its end",
            ),
            in_flight: level("switchboard.requests.in_flight", "Number of requests in flight"),
            shed: counter("switchboard.requests.shed", "Number of requests rejected early, by reason"),
            connections: level("switchboard.connections", "Number of open client connections"),
            aborted_connections: counter(
                "switchboard.connections.aborted",
                "Number of client connections aborted because they did not close in time",
            ),
            acquires: duration(
                "switchboard.database.wait.duration",
                "Duration of waiting for a PostgreSQL connection",
            ),
            works: duration(
                "switchboard.database.work.duration",
                "Duration of database operations, by operation",
            ),
            statements: duration(
                "switchboard.database.statement.duration",
                "Duration of database statements, by verb and table",
            ),
            retries: counter("switchboard.database.retries", "Number of retried transactions, by SQLSTATE"),
            schema_version: gauge(
                "switchboard.database.schema.version",
                "Version of the newest migration applied to the database",
            )
            .build(),
            ingested: counter(
                "switchboard.ingest.events",
                "Number of ingest events, by kind and outcome: stored or rejected",
            ),
            streams: level("switchboard.streams", "Number of open streams, by RPC"),
            event_lag: meter
                .f64_gauge("switchboard.events.lag")
                .with_unit("s")
                .with_description(
                    "Age of the oldest change event not yet processed, by reader: watchers or webhooks",
                )
                .build(),
            webhook_attempts: counter(
                "switchboard.webhooks.attempts",
                "Number of webhook delivery attempts, by outcome: delivered, failed or dead",
            ),
            evictions: counter(
                "switchboard.database.evictions",
                "Number of times that all PostgreSQL connections were discarded",
            ),
            database_connections: level(
                "switchboard.database.connections",
                "Number of PostgreSQL connections, by state",
            ),
            ready: gauge("switchboard.ready", "1 if the service is ready, else 0").build(),
            certificate_expiry: gauge(
                "switchboard.tls.certificate.expiry.timestamp",
                "Unix time at which the server's certificate expires",
            )
            .with_unit("s")
            .build(),
            certificate_files: gauge(
                "switchboard.tls.files.valid",
                "1 if the TLS files are in use, 0 if they are invalid and the previous ones stay active",
            )
            .build(),
        }
    }
}

/// Enables metrics. Must be called before anything is recorded.
pub(super) fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Whether metrics are scraped or exported.
pub fn are_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Records a request and its gRPC code.
pub fn request(rpc: &'static str, protocol: &'static str, code: &'static str, took: Duration) {
    let labels =
        [KeyValue::new("rpc", rpc), KeyValue::new("protocol", protocol), KeyValue::new("code", code)];
    METRICS.requests.record(took.as_secs_f64(), &labels);
}

/// Sets whether the service is ready.
pub fn ready(is_ready: bool) {
    METRICS.ready.record(is_ready.into(), &[]);
}

/// Sets when the server's certificate expires, as time since 1970.
pub fn certificate_expires(at: Duration) {
    METRICS.certificate_expiry.record(at.as_secs(), &[]);
}

/// Sets whether the TLS files are valid and in use.
pub fn certificate_files_are_valid(are_valid: bool) {
    METRICS.certificate_files.record(are_valid.into(), &[]);
}

/// Counts a request that was rejected early: by overload (`in_flight`, `database_acquire_timeout`) or by a rate limit
/// (`key_rate`, `org_rate`).
pub fn shed(reason: &'static str) {
    METRICS.shed.add(1, &[KeyValue::new("reason", reason)]);
}

/// Counts client connections that were aborted.
pub fn connections_aborted(connections: usize) {
    METRICS.aborted_connections.add(connections as u64, &[]);
}

/// Records how long a job waited for a PostgreSQL connection.
pub fn connection_acquired(wait: Duration) {
    METRICS.acquires.record(wait.as_secs_f64(), &[]);
}

/// Records a database operation.
pub fn worked(work: &'static str, took: Duration) {
    METRICS.works.record(took.as_secs_f64(), &[KeyValue::new("work", work)]);
}

/// Records a statement. Its name contains no values.
pub fn statement(name: Arc<str>, took: Duration) {
    METRICS.statements.record(took.as_secs_f64(), &[KeyValue::new("statement", name)]);
}

/// Sets the newest migration applied to the database.
pub fn schema_version(version: u64) {
    METRICS.schema_version.record(version, &[]);
}

/// Counts ingest events of one kind.
pub fn ingested(kind: &'static str, outcome: &'static str, events: u64) {
    METRICS.ingested.add(events, &[KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
}

/// Sets the age of the oldest change event that the reader (`watchers`, `webhooks`) has not processed.
pub fn event_lag(reader: &'static str, lag: Duration) {
    METRICS.event_lag.record(lag.as_secs_f64(), &[KeyValue::new("reader", reader)]);
}

/// Counts a retried transaction.
pub fn retried(sqlstate: &'static str) {
    METRICS.retries.add(1, &[KeyValue::new("sqlstate", sqlstate)]);
}

/// Counts a webhook delivery attempt: `delivered`, `failed` or `dead`.
pub fn webhook_attempted(outcome: &'static str) {
    METRICS.webhook_attempts.add(1, &[KeyValue::new("outcome", outcome)]);
}

/// Counts that all PostgreSQL connections were discarded.
pub fn evicted() {
    METRICS.evictions.add(1, &[]);
}

/// Increments a gauge and decrements it when dropped.
pub struct GaugeGuard {
    label: &'static str,
    change: fn(&'static str, i64),
}

impl GaugeGuard {
    /// A request in flight.
    pub fn request() -> Self {
        Self::new("", |_, change| METRICS.in_flight.add(change, &[]))
    }

    /// An open stream of an RPC.
    pub fn stream(rpc: &'static str) -> Self {
        Self::new(rpc, |rpc, change| METRICS.streams.add(change, &[KeyValue::new("rpc", rpc)]))
    }

    /// An open client connection.
    pub fn connection() -> Self {
        Self::new("", |_, change| METRICS.connections.add(change, &[]))
    }

    /// A PostgreSQL connection, counted as idle.
    pub fn database_connection() -> Self {
        Self::new("", |_, change| database_connections("idle", change))
    }

    /// The use of an idle PostgreSQL connection.
    pub fn database_connection_in_use() -> Self {
        Self::new("", |_, change| {
            database_connections("in_use", change);
            database_connections("idle", -change);
        })
    }

    fn new(label: &'static str, change: fn(&'static str, i64)) -> Self {
        change(label, 1);
        Self { label, change }
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        (self.change)(self.label, -1);
    }
}

fn database_connections(state: &'static str, change: i64) {
    METRICS.database_connections.add(change, &[KeyValue::new("state", state)]);
}
