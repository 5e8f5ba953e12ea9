//! Connections: gateways, their webhooks, what is sent through them, and media.

mod cloud_api;
mod inbound;
mod media;
mod waha;
