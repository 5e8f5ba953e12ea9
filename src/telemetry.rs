//! Logs, metrics and traces. They contain no message text, names or phone numbers.

pub mod current;
pub mod logs;
pub mod metrics;
mod otlp;
mod prometheus;
pub mod traces;

pub use logs::{InvalidFilter, LogFormat, causes};
pub use otlp::{InvalidExport, Telemetry};
pub use prometheus::Scrape;
