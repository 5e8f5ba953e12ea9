//! Requests to a WAHA server.

use std::time::Duration;

use guarded_http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::fields::text;
use crate::connect::gateway::{GatewayError, SendError};
use crate::connect::lenient;
use crate::connect::settings::ConnectionSettings;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// A page of messages with their original data.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// What is read of a response that is an error.
const MAX_ERROR: usize = 16 * 1024;
/// The longest explanation of a rejection.
const MAX_REASON: usize = 200;

/// How long a request for something that WAHA knows may take.
pub(super) const SHORT: Duration = Duration::from_secs(15);
/// How long a request may take that WAHA asks WhatsApp or its own database for.
pub(super) const LONG: Duration = Duration::from_secs(90);
/// How long a request with a file, or for one, may take.
pub(super) const FILE: Duration = Duration::from_mins(10);

/// A client of one session.
pub(super) struct Client {
    pub(super) settings: ConnectionSettings,
    http: HttpClient,
}

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no response.
    None(HttpError),
    /// The response is an error.
    Status {
        /// Its status.
        status: StatusCode,
        /// When to try again.
        retry_after: Option<Duration>,
        /// Its body, if that is JSON.
        body: Value,
    },
    /// The response is no JSON.
    NotJson,
}

impl Client {
    pub(super) fn new(settings: ConnectionSettings, http: HttpClient) -> Self {
        Self { settings, http }
    }

    /// The path of something of the session, with its parts encoded.
    pub(super) fn path(&self, parts: &[&str]) -> String {
        let parts = [&["api", &self.settings.account], parts].concat();
        parts.iter().fold(String::new(), |path, part| path + "/" + &encoded(part))
    }

    /// Reads something.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
        time: Duration,
    ) -> Result<Value, Failure> {
        let query = query.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let query = query.collect::<Vec<_>>().join("&");
        let separator = if query.is_empty() { "" } else { "?" };
        self.request(Method::GET, &format!("{path}{separator}{query}"), None, time).await
    }

    /// Sends a request with a JSON body.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Value, Failure> {
        let request = HttpRequest::new(method, self.url(path)).timeout(time);
        self.call(match body {
            Some(body) => request.json(body.to_string()),
            None => request,
        })
        .await
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.url)
    }

    /// Sends a request with the API key, and reads the JSON of its response.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        let bytes = response.bytes(MAX_BODY).await.map_err(Failure::None)?;
        // Some changes have an empty response.
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        lenient::json(&bytes).ok_or(Failure::NotJson)
    }

    /// Sends a request with the API key. An error has become a [`Failure::Status`].
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let key = HeaderValue::from_str(self.settings.api_key.expose());
        let mut key =
            key.map_err(|_| Failure::None(HttpError::InvalidUrl("the API key is not a header".to_owned())))?;
        key.set_sensitive(true);
        let response = self.http.send(request.header(API_KEY, key)).await.map_err(Failure::None)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes(MAX_ERROR).await.unwrap_or_default();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Err(Failure::Status { status, retry_after: retry_after.map(Duration::from_secs), body })
    }
}

/// The text in a URL.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    let encode = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

impl Failure {
    /// Whether the engine has nothing like what was asked for. Some of them answer 500 then.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self, Self::Status { status, body, .. }
            if matches!(status.as_u16(), 400 | 404 | 405 | 422 | 500 | 501) && !is_session_stopped(body))
    }

    /// Whether the response says that there is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status, .. } if matches!(status.as_u16(), 404 | 410))
    }

    /// The failure of a request that reads. It bears nothing that the response says.
    pub(super) fn into_gateway_error(self) -> GatewayError {
        let unavailable = |reason: String, retry_after| GatewayError::Unavailable { reason, retry_after };
        match self {
            Self::None(HttpError::NotAllowed | HttpError::NotHttps) => GatewayError::NotAllowed,
            Self::None(HttpError::InvalidUrl(_)) => {
                GatewayError::Unexpected("the URL or the API key is invalid".to_owned())
            }
            Self::None(HttpError::TooLarge(_)) => {
                GatewayError::Unexpected("WAHA's response is too large".to_owned())
            }
            Self::None(HttpError::Timeout) => unavailable("WAHA did not answer in time".to_owned(), None),
            Self::None(HttpError::Body(_)) => unavailable("the file cannot be read".to_owned(), None),
            Self::None(HttpError::Connect(_) | HttpError::Failed(_) | HttpError::Tls(_)) => {
                unavailable("WAHA cannot be reached".to_owned(), None)
            }
            Self::NotJson => GatewayError::Unexpected("WAHA's response is not JSON".to_owned()),
            Self::Status { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. } => {
                GatewayError::Unauthorized
            }
            Self::Status { body, .. } if is_session_stopped(&body) => {
                unavailable("the session of WAHA does not work".to_owned(), None)
            }
            Self::Status { body, .. } if needs_store(&body) => {
                let hint = "the NOWEB engine needs its store (config.noweb.store.enabled) to have a history";
                GatewayError::Unexpected(hint.to_owned())
            }
            Self::Status { status: StatusCode::NOT_FOUND, .. } => {
                GatewayError::NotFound("such session, chat or message".to_owned())
            }
            Self::Status { status, retry_after, .. } if is_transient(status) => {
                unavailable(format!("WAHA answered {status}"), retry_after)
            }
            Self::Status { status, .. } => GatewayError::Unexpected(format!("WAHA answered {status}")),
        }
    }

    /// The failure of a request that sends a message.
    pub(super) fn into_send_error(self) -> SendError {
        match self {
            Self::None(error) if error.is_unsent() => {
                let reason = Self::None(error).into_gateway_error().to_string();
                SendError::NotSent { reason, retry_after: None }
            }
            Self::Status { status, retry_after, body } if certainly_not_sent(status, &body) => {
                SendError::NotSent { reason: reason(status, &body), retry_after }
            }
            Self::Status { status, body, .. }
                if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT =>
            {
                SendError::Rejected { reason: reason(status, &body) }
            }
            Self::Status { status, body, .. } => SendError::Unclear { reason: reason(status, &body) },
            other @ (Self::None(_) | Self::NotJson) => {
                SendError::Unclear { reason: other.into_gateway_error().to_string() }
            }
        }
    }
}

impl Failure {
    /// The failure of a request that changes nothing when it is repeated, so that nothing about it is unclear.
    pub(super) fn into_repeatable_error(self) -> SendError {
        let is_answer = matches!(&self, Self::Status { status, body, .. }
            if matches!(status.as_u16(), 404 | 500) && !is_session_stopped(body));
        match self.into_send_error() {
            SendError::NotSent { reason, .. } | SendError::Unclear { reason } if is_answer => {
                SendError::Failed { reason }
            }
            SendError::Unclear { reason } => SendError::NotSent { reason, retry_after: None },
            error @ (SendError::NotSent { .. }
            | SendError::Failed { .. }
            | SendError::Rejected { .. }
            | SendError::Unsupported { .. }) => error,
        }
    }
}

/// Whether WAHA rejected the message before it came to the engine, for a reason that passes.
fn certainly_not_sent(status: StatusCode, body: &Value) -> bool {
    let passes = matches!(status.as_u16(), 401 | 403 | 404 | 429);
    passes || status.is_redirection() || is_session_stopped(body)
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Whether the response says which state the session should have.
pub(super) fn is_session_stopped(body: &Value) -> bool {
    body.get("expected").is_some() && body.get("status").is_some_and(Value::is_string)
}

fn needs_store(body: &Value) -> bool {
    explanation(body).is_some_and(|text| text.to_lowercase().contains("store"))
}

fn explanation(body: &Value) -> Option<String> {
    text(body, &["/message", "/message/0", "/exception/message", "/error"])
}

/// The reason that a send shows.
fn reason(status: StatusCode, body: &Value) -> String {
    let explained = explanation(body).map(|text| text.chars().take(MAX_REASON).collect::<String>());
    match explained {
        Some(explained) => format!("{} {explained}", status.as_u16()),
        None => format!("WAHA answered {status}"),
    }
}
