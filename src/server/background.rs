//! What the server does beside requests: housekeeping, measuring, webhook deliveries.

pub mod housekeeping;
pub mod webhooks;
