//! Connections: what holds the WhatsApp line of a session. One folder for each kind of gateway.
//!
//! A gateway's webhooks are stored as raw events before they are acknowledged. A leased worker for each connection maps them to
//! ingest events, sends what the outbox holds, and pulls history to close gaps.

pub mod cloud_api;
pub mod gateway;
mod json;
pub mod settings;
mod signature;
pub mod waha;
