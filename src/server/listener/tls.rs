//! TLS: the certificate that callers are shown, read again when its files change.

mod files;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use self::files::Files;
use crate::config::TlsConfig;
use crate::telemetry::metrics;

/// How often the files are looked at. There is no notification that works on every volume they may lie on.
const POLL: Duration = Duration::from_secs(2);

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The certificate there is. Connections keep the one they began with.
#[derive(Clone)]
pub struct Tls {
    current: watch::Receiver<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files, and from then on, as long as somebody holds the result, reads them again when they change. Files
    /// that are no good then change nothing: they may be half written, and what is in use may be good for weeks.
    ///
    /// # Errors
    ///
    /// What is wrong with which file, for the operator.
    pub fn start(config: &TlsConfig) -> Result<Self, String> {
        let files = Files::read(config)?;
        let (sender, current) = watch::channel(Arc::new(files.server()?));
        tell(&files);
        tokio::spawn(keep_fresh(config.clone(), files, sender));
        Ok(Self { current })
    }

    /// Agrees on keys with a client.
    ///
    /// # Errors
    ///
    /// The client took too long, or has nothing in common with this server, such as a certificate where one is asked for.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current.borrow().clone());
        tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await?
    }
}

/// When the first certificate of the chain to expire does, since 1970; nothing where that cannot be read.
///
/// # Errors
///
/// What is wrong with which file, for the operator.
pub fn inspect(config: &TlsConfig) -> Result<Option<Duration>, String> {
    let files = Files::read(config)?;
    files.server().map(|_| files.not_after())
}

async fn keep_fresh(config: TlsConfig, used: Files, current: watch::Sender<Arc<ServerConfig>>) {
    let mut seen = Ok(used);
    loop {
        tokio::select! {
            () = current.closed() => return,
            () = tokio::time::sleep(POLL) => {}
        }
        let of_task = config.clone();
        let reading = tokio::task::spawn_blocking(move || Files::read(&of_task));
        let found = reading.await.unwrap_or_else(|error| Err(error.to_string()));
        if found == seen {
            continue;
        }
        match found.as_ref().map_err(Clone::clone).and_then(|files| Ok((files.server()?, files))) {
            Ok((server, files)) => {
                current.send_replace(Arc::new(server));
                tell(files);
                tracing::info!("serving with the certificate as its files are now");
            }
            Err(error) => {
                metrics::certificate_files_are_good(false);
                tracing::warn!(error, "the certificate's files are no good: serving with the one before");
            }
        }
        seen = found;
    }
}

fn tell(files: &Files) {
    metrics::certificate_files_are_good(true);
    if let Some(not_after) = files.not_after() {
        metrics::certificate_expires(not_after);
    }
}
