//! What the service tells its operator: log lines, metrics and traces. Message text, names and phone numbers are in none
//! of them.

pub mod current;
pub mod logs;
pub mod metrics;
mod otlp;
mod prometheus;
pub mod traces;

pub use logs::{InvalidFilter, LogFormat, causes};
pub use otlp::{InvalidExport, Telemetry};
pub use prometheus::Scrape;
