//! The interface between the dispatcher and the HTTP client.

use crate::config::Secret;
use crate::ids::{OrgId, ReceiverUrl, WebhookId};
use crate::store::events::ChangeEvent;
use crate::store::message_views::MessageView;

/// One HTTP request to an endpoint.
#[derive(Clone, Debug)]
pub struct DeliveryRequest {
    /// The organization.
    pub org: OrgId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The endpoint.
    pub url: ReceiverUrl,
    /// The signing secret.
    pub secret: Secret,
    /// The change event to send.
    pub event: ChangeEvent,
    /// The message that the event is about.
    pub message: Option<MessageView>,
}

/// The result of one delivery attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The HTTP status of the response.
    Status(u16),
    /// The reason why there is no response. It reveals nothing about private networks.
    NoResponse(&'static str),
}

impl AttemptResult {
    /// Whether the endpoint accepted the delivery.
    pub(super) fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// Sends deliveries over HTTP.
pub trait WebhookSender: Send + Sync + 'static {
    /// Sends one delivery and returns its result within `--webhook-timeout`.
    fn send(&self, delivery: &DeliveryRequest) -> impl Future<Output = AttemptResult> + Send;
}
