//! The connection to a collector over TLS, whose files are reloaded when they change.

use std::path::PathBuf;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};

use super::settings::signal_setting;
use crate::reloading::Reloading;

/// Connections to the collector of a signal at an `https://` URL, made when they are needed.
pub(super) fn connect(signal: &'static str, url: String) -> Result<Channel, String> {
    let authorities = file(signal, "CERTIFICATE")?;
    let identity = match (file(signal, "CLIENT_CERTIFICATE")?, file(signal, "CLIENT_KEY")?) {
        (Some((_, certificate)), Some((_, key))) => Some([certificate, key]),
        (None, None) => None,
        _ => {
            let both = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY";
            return Err(format!("{both} must be given together"));
        }
    };
    let (authorities_variable, authorities) = authorities.unzip();
    let files = authorities.into_iter().chain(identity.into_iter().flatten()).collect();
    let endpoint = Reloading::load("OTLP exporter", files, move |contents| {
        let tls = tls(authorities_variable.as_deref(), &contents?)?;
        let endpoint = Endpoint::from_shared(url.clone()).and_then(|endpoint| endpoint.tls_config(tls));
        endpoint.map_err(|error| format!("the collector of {signal}: {error}"))
    })?;
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

/// The variable and path of a file. It is read once here, so that an error at the start names its variable.
fn file(signal: &str, name: &str) -> Result<Option<(String, PathBuf)>, String> {
    let Some((variable, path)) = signal_setting(signal, name) else { return Ok(None) };
    match std::fs::read(&path) {
        Ok(_) => Ok(Some((variable, path.into()))),
        Err(error) => Err(format!("{variable}: cannot read {path}: {error}")),
    }
}

/// TLS with these files: the authorities, if their variable is set, then the client's certificate and key, if there are more.
fn tls(authorities: Option<&str>, contents: &[Vec<u8>]) -> Result<ClientTlsConfig, String> {
    let (pem, identity) = contents.split_at(usize::from(authorities.is_some()));
    let tls = match (authorities, pem) {
        (Some(variable), [pem]) if !CertificateDer::pem_slice_iter(pem).any(|found| found.is_ok()) => {
            return Err(format!("{variable}: no certificate in PEM"));
        }
        (_, [pem]) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        _ => ClientTlsConfig::new().with_native_roots(),
    };
    Ok(match identity {
        [certificate, key] => tls.identity(Identity::from_pem(certificate, key)),
        _ => tls,
    })
}
