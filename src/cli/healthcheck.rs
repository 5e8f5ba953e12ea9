//! `switchboard healthcheck`: a readiness probe for images without a shell.

use std::time::Duration;

use clap::Args;
use guarded_http::{Destinations, HttpClient, Trust};
use http::uri::{PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::Failure;
use crate::config::{Config, USER_AGENT};

/// Shorter than the usual timeout of a probe.
const TIMEOUT: Duration = Duration::from_millis(2500);
const READINESS: &str = "/readyz";

/// The largest response that is read, in bytes.
const MAX_RESPONSE: usize = 64 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// URL to check; by default, `/readyz` of this machine
    ///
    /// The port is that of --listen, or with TLS that of --metrics-address, if it is set.
    #[arg(value_name = "URL", value_parser = readiness_url)]
    url: Option<Uri>,
}

pub(super) async fn run(arguments: &Arguments, settings: &Config) -> Result<(), Failure> {
    let (url, trust) = match &arguments.url {
        Some(url) if url.scheme() == Some(&Scheme::HTTPS) => (url.clone(), Trust::System),
        Some(url) => (url.clone(), Trust::Only(None)),
        None => (local_url(settings)?, local_trust(settings)?),
    };
    let unreachable = |error| Failure::new(format!("{url} is unreachable: {error}"));
    let client = HttpClient::new(USER_AGENT, Destinations::Any, TIMEOUT, trust).map_err(unreachable)?;
    match client.get(&url.to_string(), MAX_RESPONSE).await.map_err(unreachable)? {
        (StatusCode::OK, _) => Ok(()),
        (status, _) => Err(Failure::new(format!("{url} responds {status}"))),
    }
}

/// The URL, with the path of readiness if it has none.
fn readiness_url(url: &str) -> Result<Uri, &'static str> {
    const EXPECTED: &str = "must be a URL such as http://127.0.0.1:8080/readyz";
    let url: Uri = url.parse().map_err(|_| EXPECTED)?;
    let is_root = url.path() == "/";
    let mut parts = url.into_parts();
    let is_http = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&parts.scheme.as_ref());
    if !is_http || parts.authority.is_none() {
        return Err(EXPECTED);
    }
    if is_root {
        parts.path_and_query = Some(PathAndQuery::from_static(READINESS));
    }
    Uri::from_parts(parts).map_err(|_| EXPECTED)
}

/// The readiness of the service on this machine.
/// With TLS the metrics listener is preferred: the main one may require a client certificate.
fn local_url(settings: &Config) -> Result<Uri, Failure> {
    let root = match (&settings.tls, &settings.metrics_address) {
        (Some(_), Some(metrics)) => root("http", metrics),
        _ => root(settings.scheme(), &settings.listen),
    };
    let url = root + READINESS;
    url.parse().map_err(|error| Failure::new(format!("{url}: {error}")))
}

/// Accepts only the certificate in the settings: a name proves nothing here.
fn local_trust(settings: &Config) -> Result<Trust, Failure> {
    let certificate = settings.tls.as_ref().map(|tls| {
        let certificate = CertificateDer::from_pem_file(&tls.cert);
        certificate.map_err(|error| Failure::new(format!("{}: {error}", tls.cert.display())))
    });
    Ok(Trust::Only(certificate.transpose()?))
}

/// The URL of a service on this machine, such as `http://127.0.0.1:8080`.
/// A wildcard address becomes the loopback address.
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
    fn wildcard_address_becomes_loopback() {
        assert_eq!(root("http", "127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(root("https", "0.0.0.0:9000"), "https://127.0.0.1:9000");
        assert_eq!(root("http", "[::]:9000"), "http://[::1]:9000");
    }
}
