//! The connection to a collector over TLS, whose files are reloaded when they change.

use std::path::PathBuf;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};

use super::settings::{InvalidExport, signal_setting};
use crate::reloading::Reloading;

/// The variables of the files that a signal's exporter reads, in the order of their contents.
#[derive(Default)]
struct Files {
    /// Certificate authorities; `None` for those of the machine.
    authorities: Option<String>,
    /// Client certificate and key.
    identity: bool,
    paths: Vec<PathBuf>,
}

impl Files {
    fn find(signal: &str) -> Result<Self, InvalidExport> {
        let mut files = Self::default();
        if let Some((variable, path)) = signal_setting(signal, "CERTIFICATE") {
            files.add(&variable, path)?;
            files.authorities = Some(variable);
        }
        let identity = ["CLIENT_CERTIFICATE", "CLIENT_KEY"].map(|name| signal_setting(signal, name));
        if identity.iter().any(Option::is_some) {
            for file in identity {
                let (variable, path) = file.ok_or_else(|| {
                    let both = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY";
                    InvalidExport(format!("{both} must be given together"))
                })?;
                files.add(&variable, path)?;
            }
            files.identity = true;
        }
        Ok(files)
    }

    /// Adds a file. It is read once here, so that an error at the start names its variable.
    fn add(&mut self, variable: &str, path: String) -> Result<(), InvalidExport> {
        std::fs::read(&path)
            .map_err(|error| InvalidExport(format!("{variable}: cannot read {path}: {error}")))?;
        self.paths.push(path.into());
        Ok(())
    }

    fn tls(&self, contents: &[Vec<u8>]) -> Result<ClientTlsConfig, String> {
        let mut contents = contents.iter();
        let mut tls = match (&self.authorities, self.authorities.as_ref().and_then(|_| contents.next())) {
            (Some(variable), Some(pem)) => {
                if !CertificateDer::pem_slice_iter(pem).any(|found| found.is_ok()) {
                    return Err(format!("{variable}: no certificate in PEM"));
                }
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
            _ => ClientTlsConfig::new().with_native_roots(),
        };
        if let (true, Some(certificate), Some(key)) = (self.identity, contents.next(), contents.next()) {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        Ok(tls)
    }
}

/// Connections to the collector of a signal at an `https://` URL, made when they are needed.
pub(super) fn connect(signal: &'static str, url: String) -> Result<Channel, InvalidExport> {
    let files = Files::find(signal)?;
    let endpoint = Reloading::load("OTLP exporter", files.paths.clone(), move |contents| {
        let url = Endpoint::from_shared(url.clone());
        let endpoint = files.tls(&contents?).map(|tls| url.and_then(|url| url.tls_config(tls)))?;
        endpoint.map_err(|error| format!("the collector of {signal}: {error}"))
    })
    .map_err(InvalidExport)?;
    let (channel, changes) = Channel::balance_channel(1);
    // There is room for one.
    let _ = changes.try_send(Change::Insert((), Endpoint::clone(&endpoint.get())));
    tokio::spawn(async move {
        let mut reloaded = endpoint.subscribe();
        while reloaded.changed().await.is_ok() {
            let endpoint = Endpoint::clone(&reloaded.borrow_and_update());
            if changes.send(Change::Insert((), endpoint)).await.is_err() {
                return;
            }
        }
    });
    Ok(channel)
}
