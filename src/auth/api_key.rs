//! The text of an api-key: `sb_<key id>_<organization>_<secret>`. It names the organization, so that the key is found in one
//! shard of a distributed database.

use std::fmt::Write;

use rand::TryRngCore;
use rand::rngs::OsRng;
use uuid::Uuid;

use crate::config::Secret;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::ids::{KeyId, OrgId};

const PREFIX: &str = "sb_";
const SECRET_BYTES: usize = 32;

/// An api-key as its owner presents it.
pub struct ApiKey {
    /// The public part.
    pub id: KeyId,
    /// The organization it belongs to.
    pub org: OrgId,
    // Lower-case hex: a double-click selects the whole key, and 0 and O cannot be confused.
    secret: Secret,
}

impl ApiKey {
    /// A new key of the organization with a 256-bit secret of the operating system's generator. Without an id, that is random,
    /// too.
    pub fn generate(org: OrgId, id: Option<KeyId>) -> Result<Self> {
        let mut bytes = [0_u8; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
        let secret = bytes.iter().fold(String::with_capacity(2 * SECRET_BYTES), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Ok(Self { id: id.unwrap_or_else(KeyId::generate), org, secret: Secret::new(secret) })
    }

    /// Parses a key; `None` if the text does not have the form of one.
    pub fn parse(token: &str) -> Option<Self> {
        let (id, rest) = token.strip_prefix(PREFIX)?.split_once('_')?;
        let (org, secret) = rest.split_once('_')?;
        let is_simple = org.len() == 32 && !org.bytes().any(|byte| byte.is_ascii_uppercase());
        let org = Uuid::try_parse(org).ok().filter(|_| is_simple)?.into();
        let is_hex = secret.len() == 2 * SECRET_BYTES
            && secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        Some(Self { id: id.parse().ok().filter(|_| is_hex)?, org, secret: Secret::new(secret) })
    }

    /// The whole key. Shown to its owner once, at creation.
    pub fn token(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}_{}_{}", self.id, self.org.as_uuid().simple(), self.secret.expose()))
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
        fn near_misses_do_not_panic(text in "sb_[a-z0-9]{0,14}_[0-9a-f]{30,33}_[0-9a-f_]{0,70}") {
            let _ = ApiKey::parse(&text);
        }
    }
}
