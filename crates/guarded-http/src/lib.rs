//! An HTTP client for URLs that others chose: it connects to allowed addresses only, such as public ones.
//!
//! It uses no proxy and follows no redirects: both lead to addresses that were not checked.

mod addresses;
mod resolver;
mod trust;

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use tokio_rustls::rustls;

pub use self::addresses::Destinations;
use self::resolver::{NotAllowed, Resolver};
pub use self::trust::Trust;

/// How long an idle connection is kept, and how many to one host.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 2;

/// An HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    destinations: Destinations,
}

/// Why a request has no response.
#[derive(Debug)]
pub enum HttpError {
    /// The URL is invalid.
    InvalidUrl(String),
    /// The URL does not use TLS, which public destinations require.
    NotHttps,
    /// The host is, or resolves to, an address that the destinations exclude.
    NotAllowed,
    /// The time limit was exceeded.
    Timeout,
    /// The body of the response exceeds the limit, in bytes.
    TooLarge(usize),
    /// The TLS configuration is invalid.
    Tls(rustls::Error),
    /// No connection could be made.
    Connect(reqwest::Error),
    /// The request failed on the connection.
    Failed(reqwest::Error),
}

impl HttpClient {
    /// A client whose requests take at most `timeout`, the response's body included.
    ///
    /// # Errors
    ///
    /// The system's root certificates cannot be loaded.
    pub fn new(
        user_agent: &str,
        destinations: Destinations,
        timeout: Duration,
        trust: Trust,
    ) -> Result<Self, HttpError> {
        Self::with_resolver(user_agent, Resolver::of_system(destinations), destinations, timeout, trust)
    }

    #[expect(clippy::disallowed_methods, reason = "the one client")]
    fn with_resolver(
        user_agent: &str,
        resolver: Resolver,
        destinations: Destinations,
        timeout: Duration,
        trust: Trust,
    ) -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(Arc::new(resolver))
            // Without it the first address of a name could use up the whole timeout.
            .connect_timeout(timeout)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        let builder = match trust {
            Trust::System => builder,
            Trust::Only(certificate) => {
                builder.tls_backend_preconfigured(trust::only(certificate).map_err(HttpError::Tls)?)
            }
        };
        Ok(Self { client: builder.build()?, destinations })
    }

    /// Sends a GET request. Reads at most `max_body` bytes of the response.
    pub async fn get(&self, url: &str, max_body: usize) -> Result<(StatusCode, Vec<u8>), HttpError> {
        let response = self.client.get(self.checked(url)?).send().await?;
        let status = response.status();
        Ok((status, read_body(response, max_body).await?))
    }

    /// Sends a POST request.
    /// Returns the status as soon as it is there, and the response for its body.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(StatusCode, PostResponse), HttpError> {
        let response = self.client.post(self.checked(url)?).headers(headers).body(body).send().await?;
        Ok((response.status(), PostResponse(response)))
    }

    /// The URL, if requests may be sent there.
    /// Names are checked by the resolver, which addresses do not pass.
    fn checked(&self, url: &str) -> Result<Url, HttpError> {
        let url: Url = url.parse().map_err(|error| HttpError::InvalidUrl(format!("{error}")))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok_and(|address| !self.destinations.allows(address)) {
            return Err(HttpError::NotAllowed);
        }
        let needs_tls = self.destinations == Destinations::Public;
        if needs_tls && url.scheme() != "https" { Err(HttpError::NotHttps) } else { Ok(url) }
    }
}

/// The unread body of a response to a POST request.
pub struct PostResponse(Response);

impl PostResponse {
    /// Reads up to `max_body` bytes within that time, to reuse the connection.
    pub async fn discard(self, max_body: usize, time: Duration) {
        // A connection with an unread response is closed.
        let _ = tokio::time::timeout(time, read_body(self.0, max_body)).await;
    }
}

async fn read_body(mut response: Response, max: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Err(HttpError::TooLarge(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(cause) = source {
            if cause.is::<NotAllowed>() {
                return Self::NotAllowed;
            }
            source = cause.source();
        }
        match error {
            error if error.is_timeout() => Self::Timeout,
            error if error.is_connect() => Self::Connect(error),
            error => Self::Failed(error),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(error) => write!(f, "invalid URL: {error}"),
            Self::NotHttps => f.write_str("not an https URL"),
            Self::NotAllowed => f.write_str("not an allowed address"),
            Self::Timeout => f.write_str("no response in time"),
            Self::TooLarge(max) => write!(f, "the response is larger than {max} bytes"),
            Self::Tls(error) => error.fmt(f),
            Self::Connect(error) | Self::Failed(error) => {
                error.fmt(f)?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl StdError for HttpError {}

#[cfg(test)]
mod tests;
