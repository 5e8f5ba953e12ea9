//! Sends webhook deliveries over HTTP: signed JSON, to allowed addresses only.

use std::time::Duration;

use ::transcode::json::ToJson;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use guarded_http::{HttpClient, HttpError, Trust};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

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
        let (headers, body) = message(delivery, Instant::now());
        let response = client.post(&delivery.url.to_string(), headers, body).await;
        let (status, response) = response.map_err(|error| reason(&error))?;
        response.discard(MAX_RESPONSE, READ_TIMEOUT).await;
        Ok(status.as_u16())
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

/// The headers and the body of a delivery that is sent at that time.
fn message(delivery: &DeliveryRequest, at: Instant) -> (HeaderMap, Vec<u8>) {
    let mut body = Vec::new();
    webhook_event(delivery.org, &delivery.event, delivery.message.as_ref()).write(&mut body);
    let timestamp = (at.millis() / 1000).to_string();
    let values = [
        ("x-switchboard-webhook", delivery.webhook.to_string()),
        ("x-switchboard-event", delivery.event.event_id.to_string()),
        ("x-switchboard-signature", signature(delivery.secret.expose(), &timestamp, &body)),
        ("x-switchboard-timestamp", timestamp),
    ];
    let values = values.into_iter().filter_map(|(name, value)| {
        // Ids, numbers and hexadecimal digits are always valid header values.
        Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))
    });
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (values.chain([content_type]).collect(), body)
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
        HttpError::Failed(_) | HttpError::TooLarge(_) | HttpError::Tls(_) => "the connection broke",
    }
}
