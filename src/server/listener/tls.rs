//! TLS: the server's certificate, reloaded when its files change.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::certificates::{self, Files};
use crate::config::TlsConfig;
use crate::reloading::{self, Reloading};
use crate::telemetry::metrics;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The current certificate. A connection keeps the one it began with.
#[derive(Clone)]
pub struct Tls(Reloading<ServerConfig>);

impl Tls {
    /// Reads the files, and reloads them when they change, for as long as the result is used. Invalid files are ignored and
    /// logged, because they may be half written; the previous certificate stays active.
    ///
    /// # Errors
    ///
    /// An unreadable or invalid file, with its path.
    pub fn start(config: &TlsConfig) -> Result<Self, String> {
        let (paths, config) = (certificates::paths(config), config.clone());
        let tls = Reloading::load("TLS certificate", paths, move |contents| {
            let loaded = contents.and_then(|contents| {
                let files = Files::new(&config, &contents);
                Ok((files.server_config()?, files.not_after()))
            });
            metrics::certificate_files_are_valid(loaded.is_ok());
            let (server, not_after) = loaded?;
            not_after.into_iter().for_each(metrics::certificate_expires);
            Ok(server)
        })?;
        Ok(Self(tls))
    }

    /// Performs the handshake with a client.
    ///
    /// # Errors
    ///
    /// A timeout, or a failed handshake, such as a missing client certificate.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.0.get());
        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await?
    }
}

/// The earliest expiry of the certificates in the chain, since 1970; `None` if it cannot be read.
///
/// # Errors
///
/// An unreadable or invalid file, with its path.
pub fn inspect(config: &TlsConfig) -> Result<Option<Duration>, String> {
    let contents = reloading::read(&certificates::paths(config))?;
    let files = Files::new(config, &contents);
    files.server_config().map(|_| files.not_after())
}
