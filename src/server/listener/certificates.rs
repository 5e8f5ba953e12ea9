//! Reads the TLS files and builds the server's TLS configuration from them.

use std::fmt::Display;
use std::path::Path;
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

use crate::config::{Secret, TlsConfig};

/// The contents of the files, unchecked. Equal if nothing changed.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    config: TlsConfig,
    cert: String,
    key: Secret,
    client_ca: Option<String>,
}

impl Files {
    /// Reads the files. Blocks.
    pub(super) fn read(config: &TlsConfig) -> Result<Self, String> {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(in_file(path));
        Ok(Self {
            cert: read(&config.cert)?,
            key: Secret::new(read(&config.key)?),
            client_ca: config.client_ca.as_deref().map(read).transpose()?,
            config: config.clone(),
        })
    }

    /// The TLS configuration of the listener.
    /// Fails if a file is invalid, or the key does not match the certificate.
    pub(super) fn server_config(&self) -> Result<ServerConfig, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(self.key.expose().as_bytes());
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
        certificates(&self.cert, &self.config.cert)
    }

    fn client_verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let (Some(pem), Some(path)) = (&self.client_ca, &self.config.client_ca) else { return Ok(None) };
        let mut authorities = RootCertStore::empty();
        for certificate in certificates(pem, path)? {
            authorities.add(certificate).map_err(in_file(path))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider).build();
        verifier.map(|verifier| Some(verifier as _)).map_err(in_file(path))
    }
}

fn certificates(pem: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found.map_err(in_file(path))? {
        none if none.is_empty() => Err(in_file(path)("there is no certificate in it")),
        found => Ok(found),
    }
}

fn in_file<E: Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", path.display())
}
