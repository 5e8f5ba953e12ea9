//! Webhooks: endpoints, their deliveries, and the dispatcher that sends change events to them.

mod backoff;
mod checks;
mod deliveries;
mod dispatcher;
mod endpoints;
mod router;
mod run;
mod sender;
mod worker;

pub use self::checks::destinations;
pub use self::deliveries::{lag, remove_expired};
pub use self::dispatcher::Dispatcher;
pub use self::endpoints::{NewWebhook, SecretWebhook, WebhookChange, Webhooks};
pub use self::sender::{AttemptResult, DeliveryRequest, WebhookSender};

pub use crate::store::webhook_deliveries::{DeliveryRow, ListedDelivery};
pub use crate::store::webhooks::WebhookRow;
