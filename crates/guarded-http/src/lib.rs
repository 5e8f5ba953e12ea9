//! An HTTP client for URLs that others chose: it connects to allowed addresses only, such as public ones.
//!
//! It uses no proxy and follows no redirects: both lead to addresses that were not checked.

mod addresses;
mod body;
mod destinations;
mod error;
mod hosts;
mod multipart;
mod request;
mod resolver;
mod response;
mod trust;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body::Body as _;
use reqwest::Body;
use reqwest::redirect::Policy;

pub use self::body::RequestBody;
pub use self::destinations::Destinations;
pub use self::error::HttpError;
pub use self::hosts::AllowedHost;
pub use self::multipart::Multipart;
pub use self::request::HttpRequest;
use self::resolver::Resolver;
pub use self::response::HttpResponse;
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

impl HttpClient {
    /// A client whose requests take at most `timeout`, the response's body included, and half of it for a connection.
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
        Self::with_resolver(
            user_agent,
            Resolver::of_system(destinations.clone()),
            destinations,
            timeout,
            trust,
        )
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
            // Less than the timeout: a request that was not sent must not look like one without a response.
            .connect_timeout(timeout / 2)
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
        let response = self.send(HttpRequest::new(Method::GET, url)).await?;
        let status = response.status();
        Ok((status, response.bytes(max_body).await?))
    }

    /// Sends a request. Returns the response as soon as its status is there.
    ///
    /// # Errors
    ///
    /// See [`HttpError::is_unsent`] for whether the server may have received the request.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = self.destinations.checked(&request.url)?;
        let builder = self.client.request(request.method, url).headers(request.headers);
        let builder = match request.timeout {
            Some(timeout) => builder.timeout(timeout),
            None => builder,
        };
        let builder =
            if request.body.is_end_stream() { builder } else { builder.body(Body::wrap(request.body)) };
        // Boxed, so that the compiler does not look through all of reqwest for each future that contains this one.
        let response: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(builder.send());
        Ok(HttpResponse(response.await?))
    }
}

#[cfg(test)]
mod tests;
