//! Reads the key set from a file or over HTTP.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guarded_http::{Destinations, HttpClient, Trust};
use http::StatusCode;

use crate::config::USER_AGENT;

/// The largest key set, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The location of the key set.
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

    /// The current bytes of the key set.
    pub(super) async fn load(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let reading = tokio::task::spawn_blocking(move || read(&path));
                reading.await.map_err(|error| error.to_string())?
            }
            Self::Http(url) => get(url).await,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let in_file = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(in_file)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(in_file)?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("{}: larger than {MAX_BYTES} bytes", path.display()));
    }
    Ok(bytes)
}

/// Fetches with a new client, which sees changed root certificates.
async fn get(url: &str) -> Result<Vec<u8>, String> {
    let trust = if url.starts_with("https://") { Trust::System } else { Trust::Only(None) };
    let client = HttpClient::new(USER_AGENT, Destinations::Any, FETCH_TIMEOUT, trust)
        .map_err(|error| error.to_string())?;
    let (status, body) = client.get(url, MAX_BYTES).await.map_err(|error| error.to_string())?;
    if status == StatusCode::OK { Ok(body) } else { Err(format!("responded {status}")) }
}
