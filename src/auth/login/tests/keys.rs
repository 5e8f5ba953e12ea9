//! Signing keys in PEM, generated once for these tests.

use std::sync::LazyLock;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm};

pub static ED25519: LazyLock<String> = LazyLock::new(|| pem(&PKCS_ED25519));
pub static P256: LazyLock<String> = LazyLock::new(|| pem(&PKCS_ECDSA_P256_SHA256));
pub static RSA: LazyLock<String> = LazyLock::new(|| pem(&PKCS_RSA_SHA256));

fn pem(algorithm: &'static SignatureAlgorithm) -> String {
    KeyPair::generate_for(algorithm).expect("a key").serialize_pem()
}
