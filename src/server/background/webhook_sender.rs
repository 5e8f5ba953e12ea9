//! Sends webhook deliveries over HTTP: signed JSON, to allowed addresses only.

use std::time::Duration;

use ::transcode::json::ToJson;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use guarded_http::{HttpClient, HttpError, HttpRequest, Trust};
use http::{HeaderName, HeaderValue, Method};

use crate::actions::webhooks::{AttemptResult, DeliveryRequest, WebhookSender, destinations};
use crate::api::webhook_event;
use crate::config::{USER_AGENT, WebhookConfig};
use crate::instant::Instant;

/// The most bytes and time for reading a response's body.
/// A connection whose response was read is used again.
const MAX_RESPONSE: usize = 64 * 1024;
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends deliveries.
pub(super) struct HttpSender {
    /// `None` if the system has no root certificates.
    client: Option<HttpClient>,
}

impl HttpSender {
    pub(super) fn new(settings: &WebhookConfig) -> Self {
        let client = HttpClient::new(USER_AGENT, destinations(settings), settings.timeout, Trust::System);
        if let Err(error) = &client {
            tracing::warn!(%error, "webhooks cannot be delivered: no root certificates");
        }
        Self { client: client.ok() }
    }

    async fn post(&self, delivery: &DeliveryRequest) -> Result<u16, &'static str> {
        let client = self.client.as_ref().ok_or("the service has no root certificates")?;
        let response =
            client.send(message(delivery, Instant::now())).await.map_err(|error| reason(&error))?;
        let status = response.status().as_u16();
        response.discard(MAX_RESPONSE, READ_TIMEOUT).await;
        Ok(status)
    }
}

impl WebhookSender for HttpSender {
    async fn send(&self, delivery: &DeliveryRequest) -> AttemptResult {
        match self.post(delivery).await {
            Ok(status) => AttemptResult::Status(status),
            Err(reason) => AttemptResult::NoResponse(reason),
        }
    }
}

/// The request of a delivery that is sent at that time.
fn message(delivery: &DeliveryRequest, at: Instant) -> HttpRequest {
    let mut body = Vec::new();
    webhook_event(delivery.org, &delivery.event, delivery.message.as_ref()).write(&mut body);
    let timestamp = (at.millis() / 1000).to_string();
    let values = [
        ("x-switchboard-webhook", delivery.webhook.to_string()),
        ("x-switchboard-event", delivery.event.event_id.to_string()),
        ("x-switchboard-signature", signature(delivery.secret.expose(), &timestamp, &body)),
        ("x-switchboard-timestamp", timestamp),
    ];
    let request = HttpRequest::new(Method::POST, delivery.url.to_string()).json(body);
    values.into_iter().fold(request, |request, (name, value)| match HeaderValue::try_from(value) {
        Ok(value) => request.header(HeaderName::from_static(name), value),
        // Ids, numbers and hexadecimal digits are always valid header values.
        Err(_) => request,
    })
}

/// HMAC-SHA256 of `<timestamp>.<body>`; the key is the secret's text.
fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[timestamp.as_bytes(), b".", body].concat());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

/// The reason that the delivery shows.
/// It does not distinguish one private address from another.
fn reason(error: &HttpError) -> &'static str {
    match error {
        HttpError::NotAllowed => "the address is not a public one",
        HttpError::NotHttps => "the URL is not https",
        HttpError::Timeout => "no response in time",
        HttpError::Connect(_) => "could not connect",
        HttpError::InvalidUrl(_) => "the URL is invalid",
        HttpError::Failed(_) | HttpError::TooLarge(_) | HttpError::Tls(_) | HttpError::Body(_) => {
            "the connection broke"
        }
    }
}
