//! The text of an api-key: `sb_<key id>_<secret>`.

use std::fmt::Write;

use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::config::Secret;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::ids::KeyId;

const PREFIX: &str = "sb_";
const SECRET_BYTES: usize = 32;

/// An api-key as its owner presents it.
pub struct ApiKey {
    /// The public part.
    pub id: KeyId,
    // Lower-case hex: a double-click selects the whole key, and 0 and O cannot be confused.
    secret: Secret,
}

impl ApiKey {
    /// A new key with a 256-bit secret of the operating system's generator.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0_u8; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
        let secret = bytes.iter().fold(String::with_capacity(2 * SECRET_BYTES), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Ok(Self { id: KeyId::generate(), secret: Secret::new(secret) })
    }

    /// Parses a key; `None` if the text does not have the form of one.
    pub fn parse(token: &str) -> Option<Self> {
        let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = secret.len() == 2 * SECRET_BYTES
            && secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        Some(Self { id: id.parse().ok().filter(|_| is_hex)?, secret: Secret::new(secret) })
    }

    /// The whole key. Shown to its owner once, at creation.
    pub fn token(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}_{}", self.id, self.secret.expose()))
    }

    /// The stored form of the secret: 256 random bits need no salt or slow hash.
    pub fn secret_sha256(&self) -> [u8; 32] {
        sha256(self.secret.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn other_text_is_not_a_key(text in "\\PC{0,120}") {
            prop_assert!(ApiKey::parse(&text).is_none());
        }

        #[test]
        fn near_misses_do_not_panic(text in "sb_[a-z0-9]{0,14}_[0-9a-f_]{0,70}") {
            let _ = ApiKey::parse(&text);
        }
    }
}
