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

/// Declares the metrics. Each is registered when it is first recorded.
macro_rules! metrics {
    ($($metric:ident: $kind:ty = $register:ident($name:literal, $description:literal);)*) => {
        $(static $metric: LazyLock<$kind> = LazyLock::new(|| $register($name, $description));)*
    };
}

metrics! {
    REQUESTS: Histogram<f64> = histogram("switchboard.request.duration",
        "Duration of requests by RPC, protocol and gRPC code; of a stream, until its start, recorded at its end");
    IN_FLIGHT: UpDownCounter<i64> = level("switchboard.requests.in_flight", "Number of requests in flight");
    SHED: Counter<u64> = counter("switchboard.requests.shed", "Number of requests rejected early, by reason");
    CONNECTIONS: UpDownCounter<i64> = level("switchboard.connections", "Number of open client connections");
    ABORTED_CONNECTIONS: Counter<u64> = counter("switchboard.connections.aborted",
        "Number of client connections aborted because they did not close in time");
    ACQUIRES: Histogram<f64> = histogram("switchboard.database.wait.duration",
        "Duration of waiting for a PostgreSQL connection");
    WORKS: Histogram<f64> = histogram("switchboard.database.work.duration",
        "Duration of database operations, by operation");
    STATEMENTS: Histogram<f64> = histogram("switchboard.database.statement.duration",
        "Duration of database statements, by verb and table");
    RETRIES: Counter<u64> = counter("switchboard.database.retries", "Number of retried transactions, by SQLSTATE");
    SCHEMA_VERSION: Gauge<u64> = gauge("switchboard.database.schema.version",
        "Version of the newest migration applied to the database");
    EVICTIONS: Counter<u64> = counter("switchboard.database.evictions",
        "Number of times that all PostgreSQL connections were discarded");
    DATABASE_CONNECTIONS: UpDownCounter<i64> = level("switchboard.database.connections",
        "Number of PostgreSQL connections, by state");
    INGESTED: Counter<u64> = counter("switchboard.ingest.events",
        "Number of ingest events, by kind and outcome: stored or rejected");
    STREAMS: UpDownCounter<i64> = level("switchboard.streams", "Number of open streams, by RPC");
    EVENT_LAG: Gauge<f64> = seconds("switchboard.events.lag",
        "Age of the oldest change event not yet processed, by reader: watchers or webhooks");
    WEBHOOK_ATTEMPTS: Counter<u64> = counter("switchboard.webhooks.attempts",
        "Number of webhook delivery attempts, by outcome: delivered, failed or dead");
    INBOUND_REQUESTS: Counter<u64> = counter("switchboard.inbound.requests",
        "Number of requests of gateways, by kind and outcome: stored, refused, unknown, too_large, limited, overloaded or unavailable");
    INBOUND_EVENTS: Counter<u64> = counter("switchboard.inbound.events",
        "Number of events of gateways, by kind and outcome: mapped, ignored or failed");
    SENDS_QUEUED: Gauge<u64> = gauge("switchboard.sends.queued", "Number of queued sends of all organizations");
    SENDS_QUEUED_AGE: Gauge<f64> = seconds("switchboard.sends.queued.age",
        "Age of the oldest queued send of all organizations; 0 without one");
    SEND_ATTEMPTS: Counter<u64> = counter("switchboard.sends.attempts",
        "Number of attempts to send, by kind of connection and outcome: accepted, queued (tried again later), failed or unknown");
    MEDIA_FETCHES: Counter<u64> = counter("switchboard.media.fetches",
        "Number of attempts to fetch a media file, by outcome: stored, deferred, expired, too_large or rejected");
    BUILD_INFO: Gauge<u64> = gauge("switchboard.build_info", "Version of the program; always 1");
    DATABASE_STANDBY: Gauge<u64> = gauge("switchboard.database.standby",
        "1 if the PostgreSQL server is a standby, which accepts no writes, else 0");
    READY: Gauge<u64> = gauge("switchboard.ready", "1 if the service is ready, else 0");
    CERTIFICATE_EXPIRY: Gauge<f64> = seconds("switchboard.tls.certificate.expiry.timestamp",
        "Unix time at which the server's certificate expires");
    CERTIFICATE_FILES: Gauge<u64> = gauge("switchboard.tls.files.valid",
        "1 if the TLS files are in use, 0 if they are invalid and the previous ones stay active");
}

fn meter() -> Meter {
    global::meter("switchboard")
}

fn histogram(name: &'static str, description: &'static str) -> Histogram<f64> {
    let (meter, buckets) = (meter(), BUCKETS.to_vec());
    meter.f64_histogram(name).with_unit("s").with_description(description).with_boundaries(buckets).build()
}

fn counter(name: &'static str, description: &'static str) -> Counter<u64> {
    meter().u64_counter(name).with_description(description).build()
}

fn level(name: &'static str, description: &'static str) -> UpDownCounter<i64> {
    meter().i64_up_down_counter(name).with_description(description).build()
}

fn gauge(name: &'static str, description: &'static str) -> Gauge<u64> {
    meter().u64_gauge(name).with_description(description).build()
}

fn seconds(name: &'static str, description: &'static str) -> Gauge<f64> {
    meter().f64_gauge(name).with_unit("s").with_description(description).build()
}

/// Enables metrics. Must be called after the meter provider is set, before anything is recorded.
pub(super) fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
    BUILD_INFO.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
}

/// Whether metrics are scraped or exported.
pub fn are_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Records a request and its gRPC code.
pub fn request(rpc: &'static str, protocol: &'static str, code: &'static str, took: Duration) {
    let labels =
        [KeyValue::new("rpc", rpc), KeyValue::new("protocol", protocol), KeyValue::new("code", code)];
    REQUESTS.record(took.as_secs_f64(), &labels);
}

/// Sets whether the service is ready.
pub fn ready(is_ready: bool) {
    READY.record(is_ready.into(), &[]);
}

/// Sets whether the PostgreSQL server is a standby.
pub fn database_standby(is_standby: bool) {
    DATABASE_STANDBY.record(is_standby.into(), &[]);
}

/// Sets when the server's certificate expires, as time since 1970.
pub fn certificate_expires(at: Duration) {
    CERTIFICATE_EXPIRY.record(at.as_secs_f64(), &[]);
}

/// Sets whether the TLS files are valid and in use.
pub fn certificate_files_are_valid(are_valid: bool) {
    CERTIFICATE_FILES.record(are_valid.into(), &[]);
}

/// Counts a request that was rejected early: by overload (`in_flight`, `database_acquire_timeout`) or by a rate limit
/// (`key_rate`, `org_rate`).
pub fn shed(reason: &'static str) {
    SHED.add(1, &[KeyValue::new("reason", reason)]);
}

/// Counts client connections that were aborted.
pub fn connections_aborted(connections: usize) {
    ABORTED_CONNECTIONS.add(connections as u64, &[]);
}

/// Records how long a job waited for a PostgreSQL connection.
pub fn connection_acquired(wait: Duration) {
    ACQUIRES.record(wait.as_secs_f64(), &[]);
}

/// Records a database operation.
pub fn worked(work: &'static str, took: Duration) {
    WORKS.record(took.as_secs_f64(), &[KeyValue::new("work", work)]);
}

/// Records a statement. Its name contains no values.
pub fn statement(name: Arc<str>, took: Duration) {
    STATEMENTS.record(took.as_secs_f64(), &[KeyValue::new("statement", name)]);
}

/// Sets the newest migration applied to the database.
pub fn schema_version(version: u64) {
    SCHEMA_VERSION.record(version, &[]);
}

/// Counts ingest events of one kind.
pub fn ingested(kind: &'static str, outcome: &'static str, events: u64) {
    INGESTED.add(events, &[KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
}

/// Sets the age of the oldest change event that the reader (`watchers`, `webhooks`) has not processed.
pub fn event_lag(reader: &'static str, lag: Duration) {
    EVENT_LAG.record(lag.as_secs_f64(), &[KeyValue::new("reader", reader)]);
}

/// Counts a retried transaction.
pub fn retried(sqlstate: &'static str) {
    RETRIES.add(1, &[KeyValue::new("sqlstate", sqlstate)]);
}

/// Counts a webhook delivery attempt: `delivered`, `failed` or `dead`.
pub fn webhook_attempted(outcome: &'static str) {
    WEBHOOK_ATTEMPTS.add(1, &[KeyValue::new("outcome", outcome)]);
}

/// Counts a request of a gateway: `stored`, `refused` because it is not authentic or malformed, `unknown` for an id of no
/// connection, `too_large`, `limited`, `overloaded` or `unavailable`.
pub fn inbound_request(kind: &'static str, outcome: &'static str) {
    INBOUND_REQUESTS.add(1, &[KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
}

/// Counts an event of a gateway: `mapped`, `ignored` or `failed`.
pub fn inbound_event(kind: &str, outcome: &'static str) {
    INBOUND_EVENTS.add(1, &[KeyValue::new("kind", kind.to_owned()), KeyValue::new("outcome", outcome)]);
}

/// Sets how many sends are queued, and the age of the oldest.
pub fn sends_queued(sends: u64, oldest: Duration) {
    SENDS_QUEUED.record(sends, &[]);
    SENDS_QUEUED_AGE.record(oldest.as_secs_f64(), &[]);
}

/// Counts an attempt to send through a connection of that kind: `accepted`, `queued` when it is tried again later, `failed` or
/// `unknown`.
pub fn send_attempted(kind: &str, outcome: &'static str) {
    SEND_ATTEMPTS.add(1, &[KeyValue::new("kind", kind.to_owned()), KeyValue::new("outcome", outcome)]);
}

/// Counts an attempt to fetch a media file: `stored`, `deferred`, `expired`, `too_large` or `rejected`.
pub fn media_fetched(outcome: &'static str) {
    MEDIA_FETCHES.add(1, &[KeyValue::new("outcome", outcome)]);
}

/// Counts that all PostgreSQL connections were discarded.
pub fn evicted() {
    EVICTIONS.add(1, &[]);
}

/// Increments a gauge and decrements it when dropped.
pub struct GaugeGuard {
    label: &'static str,
    change: fn(&'static str, i64),
}

impl GaugeGuard {
    /// A request in flight.
    pub fn request() -> Self {
        Self::new("", |_, change| IN_FLIGHT.add(change, &[]))
    }

    /// An open stream of an RPC.
    pub fn stream(rpc: &'static str) -> Self {
        Self::new(rpc, |rpc, change| STREAMS.add(change, &[KeyValue::new("rpc", rpc)]))
    }

    /// An open client connection.
    pub fn connection() -> Self {
        Self::new("", |_, change| CONNECTIONS.add(change, &[]))
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
    DATABASE_CONNECTIONS.add(change, &[KeyValue::new("state", state)]);
}
