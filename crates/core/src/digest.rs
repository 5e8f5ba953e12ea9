//! SHA-256, and hexadecimal digits.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of the bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of 64 hexadecimal digits.
pub fn sha256_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let is_hash = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    is_hash.then(|| digits.chunks(2).map(byte).collect()).flatten()
}

/// A SHA-256 that serde writes as hexadecimal digits.
pub mod sha256_as_hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(sha256: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::hex(sha256))
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// It is not 64 hexadecimal digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::sha256_of_hex(&text).ok_or_else(|| D::Error::custom("must be 64 hexadecimal digits"))
    }
}
