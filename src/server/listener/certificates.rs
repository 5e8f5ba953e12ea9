//! Reads the TLS files and builds the server's TLS configuration from them.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::config::TlsConfig;

/// The paths of the files: certificate, key, and the authorities of clients if they are set.
pub(super) fn paths(config: &TlsConfig) -> Vec<PathBuf> {
    let required = [config.cert.clone(), config.key.clone()];
    required.into_iter().chain(config.client_ca.clone()).collect()
}

/// The contents of the files, unchecked.
pub(super) struct Files<'c> {
    config: &'c TlsConfig,
    cert: &'c [u8],
    key: &'c [u8],
    client_ca: Option<&'c [u8]>,
}

impl<'c> Files<'c> {
    /// The contents in the order of [`paths`].
    pub(super) fn new(config: &'c TlsConfig, contents: &'c [Vec<u8>]) -> Self {
        let content = |index: usize| contents.get(index).map(Vec::as_slice);
        Self {
            config,
            cert: content(0).unwrap_or_default(),
            key: content(1).unwrap_or_default(),
            client_ca: content(2),
        }
    }

    /// The TLS configuration of the listener.
    /// Fails if a file is invalid, or the key does not match the certificate.
    pub(super) fn server_config(&self) -> Result<ServerConfig, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(self.key);
        let key = key.map_err(in_file(&self.config.key))?;
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let builder = match self.client_verifier(provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let server = builder.with_single_cert(self.chain()?, key);
        let mut server = server.map_err(in_file(&self.config.cert))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(server)
    }

    /// The earliest expiry in the chain, since 1970; `None` if it cannot be read.
    pub(super) fn not_after(&self) -> Option<Duration> {
        let not_after = |certificate: CertificateDer<'_>| {
            let certificate = Certificate::from_der(&certificate).ok()?;
            Some(certificate.tbs_certificate().validity().not_after.to_unix_duration())
        };
        self.chain().ok()?.into_iter().filter_map(not_after).min()
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        certificates(self.cert, &self.config.cert)
    }

    fn client_verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let (Some(pem), Some(path)) = (self.client_ca, &self.config.client_ca) else { return Ok(None) };
        let mut authorities = RootCertStore::empty();
        for certificate in certificates(pem, path)? {
            authorities.add(certificate).map_err(in_file(path))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build();
        verifier.map(|verifier| Some(verifier as _)).map_err(in_file(path))
    }
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found.map_err(in_file(path))? {
        none if none.is_empty() => Err(in_file(path)("contains no certificate")),
        found => Ok(found),
    }
}

fn in_file<E: Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", path.display())
}
