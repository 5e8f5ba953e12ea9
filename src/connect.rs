//! Connections: what holds the WhatsApp line of a session. One folder for each kind of gateway.
//!
//! A gateway's webhooks are stored as raw events before they are acknowledged. A leased worker for each connection maps them to
//! ingest events, sends what the outbox holds, and pulls history to close gaps.

mod became;
pub mod budget;
pub mod cloud_api;
mod follow_ups;
pub mod gateway;
pub mod inbound;
mod json;
pub mod kinds;
pub mod lease;
mod lenient;
mod line;
mod lookups;
mod mapping;
pub mod media;
pub mod outbox;
pub mod probe;
mod raw_events;
pub mod sending;
pub mod settings;
mod signature;
pub mod simulator;
mod sync;
pub mod waha;
pub mod wakes;
mod worker;
pub mod workers;
