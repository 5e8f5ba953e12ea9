//! What is counted and timed. Nothing is when nobody asks: without `--metrics-address` and an OTLP endpoint, each of these
//! does nothing.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use opentelemetry::{KeyValue, global};

/// In seconds: around the time one call takes, up to the longest it may.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static KEPT: AtomicBool = AtomicBool::new(false);

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new(&global::meter("switchboard")));

struct Metrics {
    requests: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
    shed: Counter<u64>,
    connections: UpDownCounter<i64>,
    cut_off: Counter<u64>,
    waits: Histogram<f64>,
    works: Histogram<f64>,
    retries: Counter<u64>,
    posts: Counter<u64>,
    evictions: Counter<u64>,
    database_connections: UpDownCounter<i64>,
    ready: Gauge<u64>,
    certificate_expiry: Gauge<u64>,
    certificate_files: Gauge<u64>,
}

impl Metrics {
    fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(BUCKETS.to_vec()).build()
        };
        let count = |name: &'static str, description: &'static str| {
            meter.u64_counter(name).with_description(description).build()
        };
        let level = |name: &'static str, description: &'static str| {
            meter.i64_up_down_counter(name).with_description(description).build()
        };
        let build =
            meter.u64_gauge("switchboard.build_info").with_description("1, for the version that runs");
        build.build().record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
        Self {
            requests: seconds(
                "switchboard.request.duration",
                "Calls by RPC, door and gRPC code. A stream counts when it has ended, with the time until it began",
            ),
            in_flight: level("switchboard.requests.in_flight", "Calls that are being served"),
            shed: count("switchboard.requests.shed", "Calls turned away, by reason"),
            connections: level("switchboard.connections", "Open connections of callers"),
            cut_off: count(
                "switchboard.connections.cut_off",
                "Connections that did not end in time when they had to",
            ),
            waits: seconds("switchboard.database.wait.duration", "Waiting for a connection to PostgreSQL"),
            works: seconds("switchboard.database.work.duration", "Work in the database, by what asks for it"),
            retries: count("switchboard.database.retries", "Transactions tried again, by SQLSTATE"),
            posts: count(
                "switchboard.webhooks.posts",
                "Posts to webhooks by outcome: delivered, failed (tried again) or dead (given up)",
            ),
            evictions: count(
                "switchboard.database.evictions",
                "Times all connections to PostgreSQL were given up",
            ),
            database_connections: level(
                "switchboard.database.connections",
                "Connections to PostgreSQL by state",
            ),
            ready: meter
                .u64_gauge("switchboard.ready")
                .with_description("1 when calls can be served")
                .build(),
            certificate_expiry: meter
                .u64_gauge("switchboard.tls.certificate.expiry.timestamp")
                .with_unit("s")
                .with_description("When the certificate that callers are shown expires, since 1970")
                .build(),
            certificate_files: meter
                .u64_gauge("switchboard.tls.files.good")
                .with_description(
                    "0 when the files of the certificate are no good and the ones before are used",
                )
                .build(),
        }
    }
}

/// Keeps metrics from now on. Before anything is counted.
pub(super) fn keep() {
    KEPT.store(true, Ordering::Relaxed);
}

/// Whether somebody asks for metrics.
pub fn are_kept() -> bool {
    KEPT.load(Ordering::Relaxed)
}

/// A call was answered, with that gRPC code.
pub fn answered(rpc: &'static str, door: &'static str, code: &'static str, took: Duration) {
    let labels = [KeyValue::new("rpc", rpc), KeyValue::new("door", door), KeyValue::new("code", code)];
    METRICS.requests.record(took.as_secs_f64(), &labels);
}

/// Whether calls can be served.
pub fn ready(is_ready: bool) {
    METRICS.ready.record(is_ready.into(), &[]);
}

/// The certificate that callers are shown expires then, since 1970.
pub fn certificate_expires(at: Duration) {
    METRICS.certificate_expiry.record(at.as_secs(), &[]);
}

/// Whether the files of the certificate are those in use.
pub fn certificate_files_are_good(are_good: bool) {
    METRICS.certificate_files.record(are_good.into(), &[]);
}

/// A call was turned away: since there was too much to do (`in_flight`, `database_wait`), or since who called called too
/// often (`key_rate`, `org_rate`).
pub fn shed(reason: &'static str) {
    METRICS.shed.add(1, &[KeyValue::new("reason", reason)]);
}

/// Connections were cut off.
pub fn cut_off(connections: usize) {
    METRICS.cut_off.add(connections as u64, &[]);
}

/// Work waited so long for a connection to the database.
pub fn waited(wait: Duration) {
    METRICS.waits.record(wait.as_secs_f64(), &[]);
}

/// Work in the database took so long.
pub fn worked(work: &'static str, took: Duration) {
    METRICS.works.record(took.as_secs_f64(), &[KeyValue::new("work", work)]);
}

/// A transaction is tried again.
pub fn retried(sqlstate: &'static str) {
    METRICS.retries.add(1, &[KeyValue::new("sqlstate", sqlstate)]);
}

/// A change was posted to a webhook: `delivered`, `failed` or `dead`.
pub fn posted(outcome: &'static str) {
    METRICS.posts.add(1, &[KeyValue::new("outcome", outcome)]);
}

/// All connections to the database are given up.
pub fn evicted() {
    METRICS.evictions.add(1, &[]);
}

/// Something that there is for as long as this value lives.
pub struct Present(fn(i64));

impl Present {
    /// A call that is being served.
    pub fn call() -> Self {
        Self::new(|change| METRICS.in_flight.add(change, &[]))
    }

    /// An open connection of a caller.
    pub fn connection() -> Self {
        Self::new(|change| METRICS.connections.add(change, &[]))
    }

    /// A connection to the database, in use or not.
    pub fn database_connection() -> Self {
        Self::new(|change| METRICS.database_connections.add(change, &[KeyValue::new("state", "open")]))
    }

    /// A connection to the database that is in use.
    pub fn database_connection_in_use() -> Self {
        Self::new(|change| METRICS.database_connections.add(change, &[KeyValue::new("state", "in_use")]))
    }

    fn new(change: fn(i64)) -> Self {
        change(1);
        Self(change)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        (self.0)(-1);
    }
}
