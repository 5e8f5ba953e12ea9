//! Signing keys, and the page cursors and secrets that they authenticate.
//!
//! A cursor is `base64url(tag ‖ position)`. The tag is an HMAC-SHA256 over the organization, the list with its filters and
//! the position, so a cursor is valid only for the list that it was made for. The position is not encrypted: it holds
//! only values that the previous page showed.

mod encryption;

use std::fmt::{self, Display};
use std::str::FromStr;

pub use self::encryption::Encrypted;
use self::encryption::EncryptionKey;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::reloading::Reloading;

/// Separates the tags of cursors from other uses of a key, and from those of a later format.
const CURSOR_PURPOSE: &[u8] = b"switchboard cursor 1";
const SECRET_PURPOSE: &[u8] = b"switchboard secret 1";
const KEY_ID_PURPOSE: &[u8] = b"switchboard key id 1";
const KEY_ID_BYTES: usize = 8;
const TAG_BYTES: usize = 32;
/// The longest cursor, in characters.
const MAX_CURSOR: usize = 4096;

/// A signing key: at least 32 random bytes, in hex or base64.
#[derive(Clone)]
pub struct SigningKey {
    mac: Key,
    encryption: EncryptionKey,
}

/// Random bytes of a key.
const KEY_BYTES: usize = 32;
/// The fewest different characters of a key. Random keys in hex have fewer less than once in 10^12, typed ones often.
const MIN_DIFFERENT: usize = 8;

impl SigningKey {
    /// The text of a new random key.
    pub fn generate() -> String {
        STANDARD.encode(rand::random::<[u8; KEY_BYTES]>())
    }

    /// Identifies the key without revealing it.
    fn id(&self) -> Vec<u8> {
        hmac::sign(&self.mac, KEY_ID_PURPOSE).as_ref()[..KEY_ID_BYTES].to_vec()
    }
}

impl FromStr for SigningKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches('=');
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_base64 = digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'));
        let min_length = if is_hex { KEY_BYTES * 2 } else { (KEY_BYTES * 8).div_ceil(6) };
        let different = digits.bytes().collect::<std::collections::BTreeSet<_>>().len();
        if is_base64 && digits.len() >= min_length && different >= MIN_DIFFERENT {
            // HMAC takes keys of any length, and the text has all the randomness.
            let mac = Key::new(HMAC_SHA256, digits.as_bytes());
            Ok(Self { mac, encryption: EncryptionKey::derive(digits.as_bytes()) })
        } else {
            Err("must be at least 32 random bytes in hex or base64, such as `openssl rand -base64 32` prints")
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The list that a cursor belongs to: its name and its filters.
#[derive(Clone, Debug)]
pub struct Scope(Vec<u8>);

impl Scope {
    /// The list of that name.
    pub fn of(list: &'static str) -> Self {
        let mut scope = Self(Vec::with_capacity(128));
        scope.push(list.as_bytes());
        scope
    }

    /// Adds a filter. Equal filters must have equal texts and come in the same order.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.push(name.as_bytes());
        self.push(value.to_string().as_bytes());
        self
    }

    /// Adds a filter if it has a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Appends the part after its length, so that different scopes have different bytes.
    fn push(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&length(part));
        self.0.extend_from_slice(part);
    }
}

/// The signing keys of the service: the first one signs, all of them verify.
#[derive(Clone, Debug)]
pub struct SigningKeys(Reloading<Vec<SigningKey>>);

impl SigningKeys {
    /// Signs with the current key, and also accepts the previous one during a rotation.
    pub fn new(current: SigningKey, previous: Option<SigningKey>) -> Self {
        Self([current].into_iter().chain(previous).collect::<Vec<_>>().into())
    }

    /// Keys that are reloaded: the first one signs, all of them verify.
    pub fn reloading(keys: Reloading<Vec<SigningKey>>) -> Self {
        Self(keys)
    }

    /// The cursor of a position in a list of an organization.
    pub fn seal(&self, org: OrgId, scope: &Scope, position: &impl Serialize) -> Result<String> {
        let position = serde_json::to_vec(position).map_err(Error::internal)?;
        let tag = hmac::sign(&self.current()?.mac, &signed(org, scope, &position));
        Ok(URL_SAFE_NO_PAD.encode([tag.as_ref(), &position].concat()))
    }

    /// The position of a cursor; fails unless it was made for that list of that organization.
    pub fn open<P: DeserializeOwned>(&self, org: OrgId, scope: &Scope, cursor: &str) -> Result<P> {
        self.position(org, scope, cursor).ok_or_else(|| {
            Error::invalid("cursor", "must be a cursor of the same list with the same filters")
        })
    }

    fn position<P: DeserializeOwned>(&self, org: OrgId, scope: &Scope, cursor: &str) -> Option<P> {
        let cursor = Some(cursor).filter(|cursor| cursor.len() <= MAX_CURSOR)?;
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES)?;
        let signed = signed(org, scope, position);
        // Compares in constant time.
        self.0.get().iter().any(|key| hmac::verify(&key.mac, &signed, tag).is_ok()).then_some(())?;
        serde_json::from_slice(position).ok()
    }

    /// The id of the current key, for [`secret`](Self::secret).
    pub fn current_id(&self) -> Result<Vec<u8>> {
        Ok(self.current()?.id())
    }

    /// Derives a secret from the key with that id and these parts; the first part names the purpose.
    ///
    /// The same input gives the same secret, so that it need not be stored. `None` when the key was removed.
    pub fn secret(&self, key_id: &[u8], parts: &[&[u8]]) -> Option<[u8; TAG_BYTES]> {
        let keys = self.0.get();
        let key = keys.iter().find(|key| key.id() == key_id)?;
        let parts: Vec<u8> = parts.iter().flat_map(|part| [&length(part)[..], part].concat()).collect();
        hmac::sign(&key.mac, &[SECRET_PURPOSE, &parts].concat()).as_ref().try_into().ok()
    }

    /// Encrypts with the current key. `context` says whose text it is: it can be decrypted only with the same one.
    pub fn encrypt(&self, context: &[u8], text: &[u8]) -> Result<Encrypted> {
        let key = self.current()?;
        Ok(Encrypted { key_id: key.id(), bytes: key.encryption.encrypt(context, text)? })
    }

    /// The text; `None` when the key was removed.
    pub fn decrypt(&self, context: &[u8], encrypted: &Encrypted) -> Option<Vec<u8>> {
        let keys = self.0.get();
        let key = keys.iter().find(|key| key.id() == encrypted.key_id)?;
        key.encryption.decrypt(context, &encrypted.bytes)
    }

    fn current(&self) -> Result<SigningKey> {
        let key = self.0.get().first().cloned();
        key.ok_or_else(|| Error::internal("there is no signing key"))
    }
}

/// The bytes that the tag of a cursor covers.
fn signed(org: OrgId, scope: &Scope, position: &[u8]) -> Vec<u8> {
    [CURSOR_PURPOSE, org.as_uuid().as_bytes(), &length(&scope.0), &scope.0, position].concat()
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests;
