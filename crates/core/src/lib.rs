//! What every layer of the service uses: ids, times, errors and the caller; text for search; settings, logs, traces and metrics.

pub mod caller;
mod columns;
pub mod config;
pub mod cursor;
pub mod deadline;
pub mod digest;
pub mod error;
pub mod fair_share;
pub mod folding;
pub mod full_text;
pub mod ids;
pub mod instant;
pub mod patch;
pub mod reloading;
pub mod telemetry;
pub mod text_key;
