//! Certificates to show and to believe, in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

/// A folder with certificates, which goes with the value.
pub struct Certificates {
    folder: PathBuf,
}

/// An authority of its own, whose certificate is a file.
pub struct Authority {
    /// Its certificate.
    pub file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Certificates {
    /// An empty folder.
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("sb-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).expect("a folder for certificates");
        Self { folder }
    }

    /// An authority of that name.
    pub fn authority(&self, name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate");
        let file = self.path(name);
        fs::write(&file, cert.pem()).expect("a file");
        Authority { file, issuer: Issuer::new(params, key) }
    }

    /// A file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts the pair into the files `cert` and `key`, each at once, and says where they are.
    pub fn put(&self, pair: &Pair) -> [PathBuf; 2] {
        [("cert", &pair.cert), ("key", &pair.key)].map(|(name, pem)| {
            let (file, draft) = (self.path(name), self.path("draft"));
            fs::write(&draft, pem).expect("a file");
            fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).expect("its owner's");
            fs::rename(&draft, &file).expect("in place");
            file
        })
    }
}

impl Authority {
    /// A certificate for this machine that expires at the beginning of that year.
    pub fn sign(&self, expires: i32) -> Pair {
        let mut params =
            CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        params.not_after = date_time_ymd(expires, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// As an argument of a command.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}
