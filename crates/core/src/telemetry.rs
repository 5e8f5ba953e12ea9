//! Logs, metrics and traces. They contain no message text, names or phone numbers.

pub mod current;
pub mod logs;
pub mod metrics;
mod otlp;
mod prometheus;
pub mod traces;

pub use logs::{LogFormat, causes};
pub use otlp::Telemetry;
pub use prometheus::Scrape;
