//! What is counted and timed. Nothing is when nobody asks: without `--metrics-address` and an OTLP endpoint, each of these
//! does nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
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
    statements: Histogram<f64>,
    retries: Counter<u64>,
    schema_version: Gauge<u64>,
    ingested: Counter<u64>,
    streams: UpDownCounter<i64>,
    event_lag: Gauge<f64>,
    posts: Counter<u64>,
    evictions: Counter<u64>,
    database_connections: UpDownCounter<i64>,
    ready: Gauge<u64>,
    certificate_expiry: Gauge<u64>,
    certificate_files: Gauge<u64>,
}

/// Makes instruments.
struct Make<'m>(&'m Meter);

impl Make<'_> {
    fn seconds(&self, name: &'static str, description: &'static str) -> Histogram<f64> {
        let histogram = self.0.f64_histogram(name).with_unit("s").with_description(description);
        histogram.with_boundaries(BUCKETS.to_vec()).build()
    }

    fn count(&self, name: &'static str, description: &'static str) -> Counter<u64> {
        self.0.u64_counter(name).with_description(description).build()
    }

    fn level(&self, name: &'static str, description: &'static str) -> UpDownCounter<i64> {
        self.0.i64_up_down_counter(name).with_description(description).build()
    }

    fn gauge(&self, name: &'static str, description: &'static str) -> Gauge<u64> {
        self.0.u64_gauge(name).with_description(description).build()
    }
}

impl Metrics {
    fn new(meter: &Meter) -> Self {
        let make = Make(meter);
        let build = make.gauge("switchboard.build_info", "1, for the version that runs");
        build.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
        Self {
            requests: make.seconds(
                "switchboard.request.duration",
                "Calls by RPC, protocol and gRPC code. A stream counts when it has ended, with the time until it began",
            ),
            in_flight: make.level("switchboard.requests.in_flight", "Calls that are being served"),
            shed: make.count("switchboard.requests.shed", "Calls turned away, by reason"),
            connections: make.level("switchboard.connections", "Open connections of callers"),
            cut_off: make.count(
                "switchboard.connections.cut_off",
                "Connections that did not end in time when they had to",
            ),
            waits: make
                .seconds("switchboard.database.wait.duration", "Waiting for a connection to PostgreSQL"),
            works: make
                .seconds("switchboard.database.work.duration", "Work in the database, by what asks for it"),
            statements: make.seconds(
                "switchboard.database.statement.duration",
                "Statements in the database, by what they do and to what",
            ),
            retries: make.count("switchboard.database.retries", "Transactions tried again, by SQLSTATE"),
            schema_version: make.gauge(
                "switchboard.database.schema.version",
                "The newest migration that the database has had",
            ),
            ingested: make.count(
                "switchboard.ingest.events",
                "Events of connectors by kind and outcome: stored or rejected",
            ),
            streams: make.level("switchboard.streams", "Open streams, by RPC"),
            event_lag: meter
                .f64_gauge("switchboard.events.lag")
                .with_unit("s")
                .with_description("How old a change may be that watchers or webhooks were not told of")
                .build(),
            posts: make.count(
                "switchboard.webhooks.posts",
                "Posts to webhooks by outcome: delivered, failed (tried again) or dead (given up)",
            ),
            evictions: make
                .count("switchboard.database.evictions", "Times all connections to PostgreSQL were given up"),
            database_connections: make
                .level("switchboard.database.connections", "Connections to PostgreSQL by state"),
            ready: make.gauge("switchboard.ready", "1 when calls can be served"),
            certificate_expiry: meter
                .u64_gauge("switchboard.tls.certificate.expiry.timestamp")
                .with_unit("s")
                .with_description("When the certificate that callers are shown expires, since 1970")
                .build(),
            certificate_files: make.gauge(
                "switchboard.tls.files.good",
                "0 when the files of the certificate are no good and the ones before are used",
            ),
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
pub fn answered(rpc: &'static str, protocol: &'static str, code: &'static str, took: Duration) {
    let labels =
        [KeyValue::new("rpc", rpc), KeyValue::new("protocol", protocol), KeyValue::new("code", code)];
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

/// A call was turned away: since there was too much to do (`in_flight`, `database_acquire_timeout`), or since who called called too
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

/// A statement took so long. Its name is made of our own words.
pub fn stated(statement: Arc<str>, took: Duration) {
    METRICS.statements.record(took.as_secs_f64(), &[KeyValue::new("statement", statement)]);
}

/// The newest migration that the database has had.
pub fn schema_version(version: u64) {
    METRICS.schema_version.record(version, &[]);
}

/// Events of a connector of one kind were `stored` or `rejected`.
pub fn ingested(kind: &'static str, outcome: &'static str, events: u64) {
    METRICS.ingested.add(events, &[KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
}

/// So old may a change be that these (`watchers`, `webhooks`) have not been told of.
pub fn event_lag(reader: &'static str, lag: Duration) {
    METRICS.event_lag.record(lag.as_secs_f64(), &[KeyValue::new("reader", reader)]);
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
pub struct Present {
    /// Which of its kind.
    of: &'static str,
    change: fn(&'static str, i64),
}

impl Present {
    /// A call that is being served.
    pub fn call() -> Self {
        Self::new("", |_, change| METRICS.in_flight.add(change, &[]))
    }

    /// A stream that an RPC answers or reads.
    pub fn stream(rpc: &'static str) -> Self {
        Self::new(rpc, |rpc, change| METRICS.streams.add(change, &[KeyValue::new("rpc", rpc)]))
    }

    /// An open connection of a caller.
    pub fn connection() -> Self {
        Self::new("", |_, change| METRICS.connections.add(change, &[]))
    }

    /// A connection to the database: idle, unless it is said to be in use.
    pub fn database_connection() -> Self {
        Self::new("", |_, change| database_connections("idle", change))
    }

    /// That an idle connection to the database is in use.
    pub fn database_connection_in_use() -> Self {
        Self::new("", |_, change| {
            database_connections("in_use", change);
            database_connections("idle", -change);
        })
    }

    fn new(of: &'static str, change: fn(&'static str, i64)) -> Self {
        change(of, 1);
        Self { of, change }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        (self.change)(self.of, -1);
    }
}

fn database_connections(state: &'static str, change: i64) {
    METRICS.database_connections.add(change, &[KeyValue::new("state", state)]);
}
