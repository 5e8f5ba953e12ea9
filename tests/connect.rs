//! Connections: gateways, their webhooks, what is sent through them, and media.

mod cloud_api;
pub mod connector;
mod fake_gateway;
pub mod inbound;
mod media;
mod operators;
mod outbox;
mod sends;
mod simulator;
mod waha;
