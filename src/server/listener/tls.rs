//! TLS: the server's certificate, reloaded when its files change.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::certificates::Files;
use crate::config::TlsConfig;
use crate::telemetry::metrics;

/// How often the files are polled: no notification works on every kind of volume.
const POLL: Duration = Duration::from_secs(2);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The current certificate. A connection keeps the one it began with.
#[derive(Clone)]
pub struct Tls {
    current: watch::Receiver<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files, and reloads them when they change, for as long as the result is used. Invalid files are ignored and
    /// logged, because they may be half written; the previous certificate stays active.
    ///
    /// # Errors
    ///
    /// An unreadable or invalid file, with its path.
    pub fn start(config: &TlsConfig) -> Result<Self, String> {
        let files = Files::read(config)?;
        let (sender, current) = watch::channel(Arc::new(files.server_config()?));
        record(&files);
        tokio::spawn(reload_changes(config.clone(), files, sender));
        Ok(Self { current })
    }

    /// Performs the handshake with a client.
    ///
    /// # Errors
    ///
    /// A timeout, or a failed handshake, such as a missing client certificate.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current.borrow().clone());
        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await?
    }
}

/// The earliest expiry of the certificates in the chain, since 1970; `None` if it cannot be read.
///
/// # Errors
///
/// An unreadable or invalid file, with its path.
pub fn inspect(config: &TlsConfig) -> Result<Option<Duration>, String> {
    let files = Files::read(config)?;
    files.server_config().map(|_| files.not_after())
}

async fn reload_changes(config: TlsConfig, active: Files, current: watch::Sender<Arc<ServerConfig>>) {
    let mut seen = Ok(active);
    loop {
        tokio::select! {
            () = current.closed() => return,
            () = tokio::time::sleep(POLL) => {}
        }
        let config = config.clone();
        let reading = tokio::task::spawn_blocking(move || Files::read(&config));
        let found = reading.await.unwrap_or_else(|error| Err(error.to_string()));
        if found == seen {
            continue;
        }
        match found.as_ref().map_err(Clone::clone).and_then(|files| Ok((files.server_config()?, files))) {
            Ok((server, files)) => {
                current.send_replace(Arc::new(server));
                record(files);
                tracing::info!("reloaded the TLS certificate");
            }
            Err(error) => {
                metrics::certificate_files_are_good(false);
                tracing::warn!(error, "invalid TLS files are ignored; the previous certificate stays active");
            }
        }
        seen = found;
    }
}

fn record(files: &Files) {
    metrics::certificate_files_are_good(true);
    if let Some(not_after) = files.not_after() {
        metrics::certificate_expires(not_after);
    }
}
