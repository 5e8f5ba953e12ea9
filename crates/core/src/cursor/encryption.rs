//! Encryption of stored secrets: AES-256-GCM under a key derived from a signing key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};

use crate::error::{Error, Result};

/// Separates the derived keys from other uses of a signing key, and from those of a later format.
const PURPOSE: &[u8] = b"switchboard encryption 1";
const KEY_BYTES: usize = 32;

/// An encrypted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// The id of the signing key.
    pub key_id: Vec<u8>,
    /// The nonce, the ciphertext and its tag.
    pub bytes: Vec<u8>,
}

/// A signing key as the source of encryption keys.
#[derive(Clone)]
pub(super) struct EncryptionKey(Prk);

impl EncryptionKey {
    /// HKDF-SHA-256's extraction (RFC 5869).
    pub(super) fn derive(signing_key: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, PURPOSE).extract(signing_key))
    }

    pub(super) fn encrypt(&self, context: &[u8], text: &[u8]) -> Result<Vec<u8>> {
        let mut ciphertext = text.to_vec();
        let nonce = self.key()?.seal_in_place_append_tag(Aad::from(context), &mut ciphertext);
        let nonce = nonce.map_err(Error::internal)?;
        Ok([nonce.as_ref().as_slice(), &ciphertext].concat())
    }

    /// The text; `None` for bytes that were not encrypted with this key and context.
    pub(super) fn decrypt(&self, context: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut ciphertext = ciphertext.to_vec();
        let text = self.key().ok()?.open_in_place(nonce, Aad::from(context), &mut ciphertext).ok()?;
        Some(text.to_vec())
    }

    fn key(&self) -> Result<RandomizedNonceKey> {
        let mut key = [0; KEY_BYTES];
        let derived = self.0.expand(&[PURPOSE], &AES_256_GCM).and_then(|okm| okm.fill(&mut key));
        derived.and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, &key)).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decrypted_with_the_same_key_and_context_only() {
        let (key, other) = (EncryptionKey::derive(b"one"), EncryptionKey::derive(b"other"));
        let encrypted = key.encrypt(b"context", b"text").unwrap();
        assert_eq!(key.decrypt(b"context", &encrypted), Some(b"text".to_vec()));
        assert_eq!(key.decrypt(b"another", &encrypted), None);
        assert_eq!(other.decrypt(b"context", &encrypted), None);
        assert_eq!(key.decrypt(b"context", &encrypted[..20]), None);
        assert_ne!(key.encrypt(b"context", b"text").unwrap(), encrypted);
    }
}
