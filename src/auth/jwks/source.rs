//! Fetches the key set's bytes, from a file or over HTTP.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::telemetry::causes;

/// A larger answer is no key set.
const MAX_BYTES: usize = 1024 * 1024;

/// The longest a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest a whole fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the key set is.
pub(super) enum Source {
    File(PathBuf),
    Http(String),
}

impl Source {
    /// An `http://` or `https://` URL, or else the path of a file.
    pub(super) fn new(location: &str) -> Self {
        if location.starts_with("http://") || location.starts_with("https://") {
            Self::Http(location.to_owned())
        } else {
            Self::File(location.strip_prefix("file://").unwrap_or(location).into())
        }
    }

    /// The bytes as they are now.
    pub(super) async fn load(&self) -> Result<Bytes, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let reading = tokio::task::spawn_blocking(move || read(&path));
                reading.await.map_err(|error| error.to_string())?
            }
            Self::Http(url) => {
                let answer = tokio::time::timeout(FETCH_TIMEOUT, get(url)).await;
                answer.map_err(|_| format!("no answer within {FETCH_TIMEOUT:?}"))?
            }
        }
    }
}

fn read(path: &std::path::Path) -> Result<Bytes, String> {
    let in_words = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(in_words)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(in_words)?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("{}: larger than {MAX_BYTES} bytes", path.display()));
    }
    Ok(bytes.into())
}

async fn get(url: &str) -> Result<Bytes, String> {
    let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
    // A new client every time: a fetch every few minutes is better off with a fresh connection, and with the roots of
    // trust as they are by then. Redirects are not followed: a key set stays where its settings say.
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    if uri.scheme() == Some(&Scheme::HTTP) {
        return send(http, uri).await;
    }
    http.enforce_http(false);
    let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| error.to_string())?;
    send(tls.https_only().enable_http1().wrap_connector(http), uri).await
}

async fn send(connector: impl Connect + Clone + Send + Sync + 'static, uri: Uri) -> Result<Bytes, String> {
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    let answer = client.get(uri).await.map_err(|error| causes(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("answered {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    Ok(body.map_err(|error| causes(error.as_ref()))?.to_bytes())
}
