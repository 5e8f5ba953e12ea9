//! Secrets of connections: checked, encrypted under the signing key, and decrypted for their gateways.

use serde::{Deserialize, Serialize};

use super::kind_rules::{KindRules, SecretRule};
use crate::config::Secret;
use crate::cursor::{Encrypted, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::ConnectionId;

const MIN_CHARACTERS: usize = 16;
const MAX_CHARACTERS: usize = 4096;
/// The fewest different characters of a secret.
const MIN_DIFFERENT: usize = 6;
/// What defaults and examples contain; a random secret hardly ever does.
const WELL_KNOWN: [&str; 9] =
    ["secret", "changeme", "change-me", "change_me", "password", "passw0rd", "default", "example", "your-"];

/// The secrets of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionSecrets {
    /// The key of the gateway's API.
    pub api_key: Secret,
    /// The key of webhook signatures.
    pub webhook_secret: Secret,
    /// The token of verification requests.
    pub verify_token: Secret,
}

/// The same as stored.
#[derive(Serialize, Deserialize)]
struct Plain {
    api_key: String,
    webhook_secret: String,
    verify_token: String,
}

/// Secrets that a caller gives; `None` keeps the present one, or uses the kind's default.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenSecrets {
    pub(super) api_key: Option<String>,
    pub(super) webhook_secret: Option<String>,
    pub(super) verify_token: Option<String>,
}

impl GivenSecrets {
    pub(super) fn is_empty(&self) -> bool {
        self.api_key.is_none() && self.webhook_secret.is_none() && self.verify_token.is_none()
    }
}

impl ConnectionSecrets {
    /// The secrets of a new connection.
    pub(super) fn new(rules: &KindRules, given: GivenSecrets) -> Result<Self> {
        let has_webhooks = rules.webhook_secret != SecretRule::None;
        if given.webhook_secret.is_none() && rules.webhook_secret == SecretRule::Required {
            return Err(Error::invalid("webhook_secret", "must be set for this kind"));
        }
        if given.api_key.is_none() && rules.needs_api_key {
            return Err(Error::invalid("api_key", "must be set for this kind"));
        }
        let random = || if has_webhooks { random() } else { String::new() };
        let fresh = Self {
            api_key: Secret::new(""),
            webhook_secret: Secret::new(random()),
            verify_token: Secret::new(random()),
        };
        fresh.with(given)
    }

    /// The secrets with those that are given.
    pub(super) fn with(self, given: GivenSecrets) -> Result<Self> {
        let set = |field, given: Option<String>, current, check: fn(&str, &str) -> Result<()>| match given {
            Some(text) => check(field, &text).map(|()| Secret::new(text)),
            None => Ok(current),
        };
        Ok(Self {
            api_key: set("api_key", given.api_key, self.api_key, check_visible)?,
            webhook_secret: set("webhook_secret", given.webhook_secret, self.webhook_secret, check_strong)?,
            verify_token: set("verify_token", given.verify_token, self.verify_token, check_strong)?,
        })
    }

    pub(super) fn encrypt(&self, keys: &SigningKeys, id: &ConnectionId) -> Result<Encrypted> {
        let plain = Plain {
            api_key: self.api_key.expose().to_owned(),
            webhook_secret: self.webhook_secret.expose().to_owned(),
            verify_token: self.verify_token.expose().to_owned(),
        };
        keys.encrypt(id.as_str().as_bytes(), &serde_json::to_vec(&plain).map_err(Error::internal)?)
    }

    /// The secrets of a connection; `None` when their signing key was removed.
    pub fn decrypt(keys: &SigningKeys, id: &ConnectionId, encrypted: &Encrypted) -> Option<Self> {
        let plain = keys.decrypt(id.as_str().as_bytes(), encrypted)?;
        let plain: Plain = serde_json::from_slice(&plain).ok()?;
        Some(Self {
            api_key: Secret::new(plain.api_key),
            webhook_secret: Secret::new(plain.webhook_secret),
            verify_token: Secret::new(plain.verify_token),
        })
    }
}

/// 256 random bits as hexadecimal digits.
fn random() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value of an HTTP header.
fn check_visible(field: &str, text: &str) -> Result<()> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=MAX_CHARACTERS).contains(&text.len()) {
        return Ok(());
    }
    Err(Error::invalid(field, format_args!("must be 1 to {MAX_CHARACTERS} visible ASCII characters")))
}

/// A random key: a caller who knows it can forge webhooks.
fn check_strong(field: &str, text: &str) -> Result<()> {
    let expected = || {
        let problem = format_args!(
            "must be {MIN_CHARACTERS} to {MAX_CHARACTERS} visible ASCII characters that are hard to guess"
        )
        .to_string();
        Error::invalid(field, problem)
    };
    check_visible(field, text).map_err(|_| expected())?;
    let lower = text.to_ascii_lowercase();
    let different = lower.bytes().collect::<std::collections::BTreeSet<_>>().len();
    let is_known = WELL_KNOWN.iter().any(|known| lower.contains(known));
    if text.len() < MIN_CHARACTERS || different < MIN_DIFFERENT || is_known {
        Err(expected())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_that_can_be_guessed_is_rejected() {
        for weak in [
            "",
            "secret",
            "changeme",
            "short",
            "0000000000000000",
            "my-secret-key-12345",
            "Password12345678",
            "a b c d e f g h i j",
        ] {
            assert!(check_strong("webhook_secret", weak).is_err(), "{weak}");
        }
        for strong in ["5f2b7c9a1d3e4f60", &random()] {
            assert!(check_strong("webhook_secret", strong).is_ok(), "{strong}");
        }
    }
}
