//! `switchboard healthcheck`: asks a running service whether it is ready, for probes in an image without a shell.

mod trust;

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::uri::{PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use http_body_util::Empty;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::Failure;
use crate::config::Config;

/// Shorter than the timeout of a probe usually is.
const TIMEOUT: Duration = Duration::from_millis(2500);
const READINESS: &str = "/readyz";

#[derive(Args)]
pub(super) struct Arguments {
    /// Where to ask; `/readyz` of this machine at the port of --listen when left out, or with TLS at that of
    /// --metrics-address, if there is one
    #[arg(value_name = "URL", value_parser = readiness_of)]
    url: Option<Uri>,
}

pub(super) async fn run(arguments: &Arguments, settings: &Config) -> Result<(), Failure> {
    let builder = HttpsConnectorBuilder::new();
    let (url, tls) = match &arguments.url {
        Some(url) if url.scheme() == Some(&Scheme::HTTPS) => (url.clone(), builder.with_native_roots()?),
        Some(url) => (url.clone(), builder.with_tls_config(trust::only(None)?)),
        None => {
            let cert = settings.tls.as_ref().map(|tls| tls.cert.as_path());
            (own_url(settings)?, builder.with_tls_config(trust::only(cert)?))
        }
    };
    let client = Client::builder(TokioExecutor::new());
    let client = client.build::<_, Empty<Bytes>>(tls.https_or_http().enable_http1().build());
    match tokio::time::timeout(TIMEOUT, client.get(url.clone())).await {
        Ok(Ok(answer)) if answer.status() == StatusCode::OK => Ok(()),
        Ok(Ok(answer)) => Err(Failure::new(format!("{url} answers {}", answer.status()))),
        Ok(Err(error)) => {
            let cause =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            Err(Failure::new(format!("{url} cannot be reached: {error}{cause}")))
        }
        Err(_) => Err(Failure::new(format!("{url} does not answer within {TIMEOUT:?}"))),
    }
}

/// The URL, asking for readiness when it names a service only.
fn readiness_of(url: &str) -> Result<Uri, &'static str> {
    const EXPECTED: &str = "must be a URL such as http://127.0.0.1:8080/readyz";
    let url: Uri = url.parse().map_err(|_| EXPECTED)?;
    let is_root = url.path() == "/";
    let mut parts = url.into_parts();
    let is_known = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&parts.scheme.as_ref());
    if !is_known || parts.authority.is_none() {
        return Err(EXPECTED);
    }
    if is_root {
        parts.path_and_query = Some(PathAndQuery::from_static(READINESS));
    }
    Uri::from_parts(parts).map_err(|_| EXPECTED)
}

/// Where a service of this machine says whether it is ready. With TLS best without: it may ask for a certificate.
fn own_url(settings: &Config) -> Result<Uri, Failure> {
    let root = match (&settings.tls, &settings.metrics_address) {
        (Some(_), Some(metrics)) => root("http", metrics),
        _ => root(settings.scheme(), &settings.listen),
    };
    let url = root + READINESS;
    url.parse().map_err(|error| Failure::new(format!("{url}: {error}")))
}

/// Where a service of this machine is, such as `http://127.0.0.1:8080`. One that listens on every address is asked on the
/// loopback one.
pub(super) fn root(scheme: &str, listen: &str) -> String {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "8080"));
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    format!("{scheme}://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(root("http", "127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(root("https", "0.0.0.0:9000"), "https://127.0.0.1:9000");
        assert_eq!(root("http", "[::]:9000"), "http://[::1]:9000");
    }

    #[test]
    fn a_url_without_a_path_means_readiness() {
        let asked = |url: &str| readiness_of(url).map(|url| url.to_string()).ok();
        assert_eq!(asked("http://localhost:8080").as_deref(), Some("http://localhost:8080/readyz"));
        assert_eq!(
            asked("https://localhost:8080/healthz").as_deref(),
            Some("https://localhost:8080/healthz")
        );
        assert_eq!(asked("ftp://localhost:8080/readyz"), None);
        assert_eq!(asked("localhost:8080"), None);
        assert_eq!(asked("zz"), None);
    }
}
