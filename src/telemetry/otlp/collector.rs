//! A collector that is spoken to over TLS, as files say. They are followed: certificates are renewed more often than programs
//! are started.

use std::time::Duration;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use tokio::sync::mpsc::Sender;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};

use super::{InvalidExport, signal_setting};

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// What is in the files that a signal's variables name.
#[derive(Default, PartialEq, Eq)]
struct Files {
    /// Whom to trust; `None` for whom the machine trusts.
    authorities: Option<Vec<u8>>,
    /// A certificate to show, and its key.
    identity: Option<[Vec<u8>; 2]>,
}

impl Files {
    fn read(signal: &str) -> Result<Self, InvalidExport> {
        let authorities = file(signal, "CERTIFICATE")?;
        if let Some((variable, authorities)) = &authorities
            && !CertificateDer::pem_slice_iter(authorities).any(|found| found.is_ok())
        {
            return Err(InvalidExport(format!("{variable}: no certificate in PEM")));
        }
        let identity = match (file(signal, "CLIENT_CERTIFICATE")?, file(signal, "CLIENT_KEY")?) {
            (Some((_, certificate)), Some((_, key))) => Some([certificate, key]),
            (None, None) => None,
            _ => {
                let both = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY";
                return Err(InvalidExport(format!("{both} must be given together")));
            }
        };
        Ok(Self { authorities: authorities.map(|(_, authorities)| authorities), identity })
    }

    fn tls(&self) -> ClientTlsConfig {
        let tls = match &self.authorities {
            Some(authorities) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match &self.identity {
            Some([certificate, key]) => tls.identity(Identity::from_pem(certificate, key)),
            None => tls,
        }
    }
}

/// A collector of a signal, at a URL that begins with `https://`.
pub(super) struct Collector {
    signal: &'static str,
    url: String,
}

impl Collector {
    pub(super) fn new(signal: &'static str, url: String) -> Self {
        Self { signal, url }
    }

    /// Connections to it, made when they are needed, and what follows its files for as long as it runs.
    pub(super) fn connect(self) -> Result<(Channel, impl Future<Output = ()>), InvalidExport> {
        let files = Files::read(self.signal)?;
        let endpoint = self.endpoint(&files)?;
        let (channel, changes) = Channel::balance_channel(1);
        // There is room for one.
        let _ = changes.try_send(Change::Insert((), endpoint));
        Ok((channel, self.follow(files, changes)))
    }

    fn endpoint(&self, files: &Files) -> Result<Endpoint, InvalidExport> {
        let endpoint = Endpoint::from_shared(self.url.clone()).and_then(|url| url.tls_config(files.tls()));
        endpoint.map_err(|error| InvalidExport(format!("the collector of {}: {error}", self.signal)))
    }

    /// Has new connections made when the files change, if there are any. While they are no good, those before are used.
    async fn follow(self, files: Files, changes: Sender<Change<(), Endpoint>>) {
        if files == Files::default() {
            return;
        }
        let mut known = Ok(files);
        loop {
            tokio::time::sleep(POLL).await;
            let signal = self.signal;
            let Ok(found) = tokio::task::spawn_blocking(move || Files::read(signal)).await else { continue };
            if found == known {
                continue;
            }
            let endpoint = match &found {
                Ok(files) => self.endpoint(files).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match endpoint {
                Ok(endpoint) => {
                    let _ = changes.send(Change::Insert((), endpoint)).await;
                    tracing::info!(signal, "the collector is spoken to as the files are now");
                }
                Err(error) => {
                    tracing::warn!(
                        signal,
                        error,
                        "the files for the collector are no good: using those before"
                    );
                }
            }
            known = found;
        }
    }
}

/// What is in the file that a setting names, with the variable that names it.
fn file(signal: &str, name: &str) -> Result<Option<(String, Vec<u8>)>, InvalidExport> {
    let Some((variable, path)) = signal_setting(signal, name) else { return Ok(None) };
    match std::fs::read(&path) {
        Ok(content) => Ok(Some((variable, content))),
        Err(error) => Err(InvalidExport(format!("{variable}: cannot read {path}: {error}"))),
    }
}
