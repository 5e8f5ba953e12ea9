//! Posts changes to webhooks: as JSON, signed, and never to where the settings do not allow.

mod reach;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::time::Duration;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use self::reach::{AddressPolicy, NotAllowed, Resolver};
use crate::actions::webhooks::{AttemptResult, DeliveryRequest, WebhookSender};
use crate::api::webhook_event;
use crate::config::WebhookConfig;
use crate::instant::Instant;
use ::transcode::json::ToJson;

const AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));

/// How much of an answer is read, and for how long, to use its connection again. Nobody looks at it.
const MAX_ANSWER: usize = 64 * 1024;
const READING: Duration = Duration::from_millis(500);

/// How long a connection is kept for the next post, and how many to one receiver.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 2;

type HttpClient<R> = Client<HttpsConnector<HttpConnector<AddressPolicy<R>>>, Full<Bytes>>;

/// Posts by HTTP.
pub struct Postman<R = GaiResolver> {
    client: Option<HttpClient<R>>,
    reach: AddressPolicy<R>,
    timeout: Duration,
}

impl Postman {
    /// Posts to what the machine's resolver knows.
    pub fn new(settings: &WebhookConfig) -> Self {
        Self::resolving(GaiResolver::new(), settings)
    }
}

impl<R: Resolver> Postman<R> {
    /// Posts to what that resolver knows. Proxies and redirects are not followed: both lead where nothing is checked.
    fn resolving(resolver: R, settings: &WebhookConfig) -> Self {
        let reach = AddressPolicy::new(resolver, settings.allow_private_networks);
        let mut http = HttpConnector::new_with_resolver(reach.clone());
        http.enforce_http(false);
        http.set_connect_timeout(Some(settings.timeout));
        let roots = HttpsConnectorBuilder::new().with_native_roots();
        if let Err(error) = &roots {
            tracing::warn!(%error, "webhooks cannot be told of anything: there are no authorities to trust");
        }
        let client = roots.ok().map(|tls| {
            let connector = tls.https_or_http().enable_http1().wrap_connector(http);
            let mut client = Client::builder(TokioExecutor::new());
            client
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS);
            client.build(connector)
        });
        Self { client, reach, timeout: settings.timeout }
    }

    async fn post(&self, delivery: &DeliveryRequest) -> Result<u16, &'static str> {
        // The connector resolves names alone.
        if delivery.url.address().is_some_and(|address| !self.reach.allows(address)) {
            return Err(NOT_ALLOWED);
        }
        if !delivery.url.is_https() && !self.reach.allows_all() {
            return Err("no https URL");
        }
        let client = self.client.as_ref().ok_or("the service has no authorities to trust")?;
        let request = request(delivery, Instant::now()).map_err(|_| "no post can be made of it")?;
        let answer = client.request(request).await.map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        finish(answer.into_body()).await;
        Ok(status)
    }
}

impl<R: Resolver> WebhookSender for Postman<R> {
    async fn send(&self, delivery: &DeliveryRequest) -> AttemptResult {
        match timeout(self.timeout, self.post(delivery)).await {
            Ok(Ok(status)) => AttemptResult::Status(status),
            Ok(Err(why)) => AttemptResult::NoResponse(why),
            Err(_) => AttemptResult::NoResponse("no answer in time"),
        }
    }
}

/// The post, as it is at that moment.
fn request(delivery: &DeliveryRequest, at: Instant) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut body = Vec::new();
    webhook_event(delivery.org, &delivery.event).write(&mut body);
    let timestamp = (at.millis() / 1000).to_string();
    let signature = signature(delivery.secret.expose(), &timestamp, &body);
    let url: Uri = delivery.url.uri().clone();
    Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("x-switchboard-webhook", delivery.webhook.as_str())
        .header("x-switchboard-event", delivery.event.event_id)
        .header("x-switchboard-timestamp", &timestamp)
        .header("x-switchboard-signature", signature)
        .body(Full::new(body.into()))
}

/// HMAC-SHA256 of `<timestamp>.<body>` under the secret, whose text is the key.
fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[timestamp.as_bytes(), b".", body].concat());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

/// Reads what a short answer has left, so that its connection can be used again.
async fn finish(body: Incoming) {
    let reading = Limited::new(body, MAX_ANSWER).collect();
    // A connection in the middle of an answer is closed.
    let _ = timeout(READING, reading).await;
}

const NOT_ALLOWED: &str = "the address is not a public one";

/// Why there was no answer, in words that do not tell one private address from another.
fn reason(error: &legacy::Error) -> &'static str {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = source {
        if cause.is::<NotAllowed>() {
            return NOT_ALLOWED;
        }
        source = cause.source();
    }
    if error.is_connect() { "no connection" } else { "the connection broke off" }
}
