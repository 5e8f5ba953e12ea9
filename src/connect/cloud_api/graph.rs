//! Requests to the Graph API, and what its errors mean.

use std::time::Duration;

use guarded_http::{HttpClient, HttpError, HttpRequest};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::fields::text;
use crate::connect::gateway::{GatewayError, SendError};
use crate::connect::settings::ConnectionSettings;

/// The limit of an upload or download.
pub(super) const MEDIA_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The version of the API when the URL of the connection names none.
const VERSION: &str = "v25.0";
/// The largest response that is no media file, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;
/// Too many requests: of the app, the account, the number, or to one person. Nothing was done.
const TOO_MANY: [i64; 8] = [4, 17, 613, 80007, 130429, 131048, 131056, 133016];
/// The account is in maintenance: nothing was done either.
const MAINTENANCE: i64 = 131_057;
/// The access token is invalid or has expired.
const INVALID_TOKEN: i64 = 190;
/// The pause before another attempt when the response names none.
const PAUSE: Duration = Duration::from_secs(60);
/// The same for messages to one person.
const PAIR_PAUSE: Duration = Duration::from_secs(6);
const PAIR_LIMIT: i64 = 131_056;

/// The Graph API with the access token of a connection.
#[derive(Clone)]
pub(super) struct Graph {
    http: HttpClient,
    /// With the version, without a slash at the end.
    base: String,
    token: Option<HeaderValue>,
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum GraphError {
    /// There was no response.
    NoResponse(HttpError),
    /// The response has another status than 2xx.
    Status(Failure),
    /// The response is no JSON.
    NoJson,
}

/// A response with an error.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) code: i64,
    pub(super) subcode: i64,
    /// The code and the text, such as `131047 Re-engagement message: …`.
    reason: String,
    retry_after: Option<Duration>,
}

impl Graph {
    pub(super) fn new(settings: &ConnectionSettings, http: HttpClient) -> Self {
        let url = settings.url.trim_end_matches('/');
        let is_version = |part: &str| {
            let number = part.strip_prefix('v').unwrap_or_default();
            number.contains('.') && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let base = match url.rsplit('/').next().is_some_and(is_version) {
            true => url.to_owned(),
            false => format!("{url}/{VERSION}"),
        };
        let mut token = HeaderValue::try_from(format!("Bearer {}", settings.api_key.expose())).ok();
        token.iter_mut().for_each(|token| token.set_sensitive(true));
        Self { http, base, token }
    }

    /// A request with the access token. `path` may have a query.
    pub(super) fn request(&self, method: Method, path: &str) -> HttpRequest {
        self.authorized(HttpRequest::new(method, format!("{}/{path}", self.base)))
    }

    fn authorized(&self, request: HttpRequest) -> HttpRequest {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// Sends a request and reads the JSON of its response.
    ///
    /// # Errors
    ///
    /// See [`GraphError`].
    pub(super) async fn call(&self, request: HttpRequest) -> Result<Value, GraphError> {
        let response = self.http.send(request).await.map_err(GraphError::NoResponse)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes(MAX_RESPONSE).await.map_err(GraphError::NoResponse)?;
        let json = serde_json::from_slice::<Value>(&body).ok();
        match (status.is_success(), json) {
            (true, Some(json)) => Ok(json),
            (true, None) => Err(GraphError::NoJson),
            (false, json) => {
                Err(GraphError::Status(Failure::new(status, &headers, &json.unwrap_or(Value::Null))))
            }
        }
    }

    /// Sends a request to a URL of the API's own, and returns the response as it is.
    pub(super) async fn open(&self, url: &str) -> Result<guarded_http::HttpResponse, HttpError> {
        let request = HttpRequest::new(Method::GET, url).timeout(MEDIA_TIMEOUT);
        self.http.send(self.authorized(request)).await
    }
}

impl Failure {
    fn new(status: StatusCode, headers: &HeaderMap, body: &Value) -> Self {
        let error = body.get("error").unwrap_or(&Value::Null);
        let number = |name: &str| error.get(name).and_then(Value::as_i64).unwrap_or_default();
        let code = number("code");
        let message =
            text(error, "/message").map(|message| message.trim_start_matches(&format!("(#{code}) ")));
        let details = text(error, "/error_data/details").filter(|details| Some(*details) != message);
        let explained = explanation(code).or(details);
        let reason = match (message, explained) {
            (Some(message), Some(details)) => format!("{code} {message}: {details}"),
            (Some(message), None) => format!("{code} {message}"),
            (None, _) => format!("the gateway responds {status}"),
        };
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            status,
            code,
            subcode: number("error_subcode"),
            reason,
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED || self.code == INVALID_TOKEN
    }

    /// The pause before another attempt, if the request was certainly not carried out and may be later.
    fn pause(&self) -> Option<Duration> {
        let is_later = self.status == StatusCode::TOO_MANY_REQUESTS
            || TOO_MANY.contains(&self.code)
            || self.code == MAINTENANCE;
        let pause = if self.code == PAIR_LIMIT { PAIR_PAUSE } else { PAUSE };
        is_later.then(|| self.retry_after.unwrap_or(pause))
    }
}

/// What a person should know about an error whose text does not say it.
fn explanation(code: i64) -> Option<&'static str> {
    match code {
        131_047 => Some(
            "more than 24 hours have passed since the customer's last message, so only a template can be sent",
        ),
        131_026 => Some(
            "the receiver has no WhatsApp, an old version of it, or does not accept messages of this business",
        ),
        131_049 => {
            Some("Meta limits marketing messages to this person; try again after a day at the earliest")
        }
        INVALID_TOKEN => Some("the access token is invalid or has expired"),
        _ => None,
    }
}

/// Why there is no response, in words for a person.
fn without_response(error: &HttpError) -> &'static str {
    match error {
        HttpError::NotAllowed | HttpError::NotHttps | HttpError::InvalidUrl(_) => {
            "the host is not on the list of allowed connection hosts"
        }
        HttpError::Timeout => "the Graph API did not answer in time",
        HttpError::TooLarge(_) => "the response of the Graph API is too large",
        HttpError::Body(_) => "the file cannot be read",
        HttpError::Tls(_) | HttpError::Connect(_) => "the Graph API cannot be reached",
        HttpError::Failed(_) => "the connection to the Graph API broke",
    }
}

impl From<GraphError> for GatewayError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::NoResponse(HttpError::NotAllowed) => Self::NotAllowed,
            GraphError::NoResponse(error) => {
                Self::Unavailable { reason: without_response(&error).to_owned(), retry_after: None }
            }
            GraphError::NoJson => Self::Unexpected("the response is no JSON".to_owned()),
            GraphError::Status(failure) if failure.is_unauthorized() => Self::Unauthorized,
            GraphError::Status(failure) if failure.status == StatusCode::FORBIDDEN => Self::Unauthorized,
            GraphError::Status(failure) => match failure.pause() {
                Some(pause) => Self::Unavailable { reason: failure.reason, retry_after: Some(pause) },
                None if failure.status.is_server_error() => {
                    Self::Unavailable { reason: failure.reason, retry_after: failure.retry_after }
                }
                None if failure.is_missing() => Self::NotFound("object of this id".to_owned()),
                None => Self::Unexpected(failure.reason),
            },
        }
    }
}

impl Failure {
    /// Whether the id in the path names nothing that the token may see.
    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND || (self.code, self.subcode) == (100, 33)
    }
}

/// What the error says about a message.
impl From<GraphError> for SendError {
    fn from(error: GraphError) -> Self {
        match error {
            GraphError::NoResponse(error) if error.is_unsent() => {
                Self::NotSent { reason: without_response(&error).to_owned(), retry_after: None }
            }
            GraphError::NoResponse(error) => Self::Unclear { reason: without_response(&error).to_owned() },
            GraphError::NoJson => Self::Unclear { reason: "the response is no JSON".to_owned() },
            GraphError::Status(failure) if failure.is_unauthorized() => {
                Self::NotSent { reason: failure.reason, retry_after: None }
            }
            GraphError::Status(failure) => match (failure.pause(), failure.status.is_client_error()) {
                (Some(pause), _) => Self::NotSent { reason: failure.reason, retry_after: Some(pause) },
                (None, true) => Self::Rejected { reason: failure.reason },
                // Meta may have passed it on before it failed.
                (None, false) => Self::Unclear { reason: failure.reason },
            },
        }
    }
}
