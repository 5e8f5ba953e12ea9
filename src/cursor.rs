//! Cursors: where the next page of a list begins, in a text that means nothing to its reader and that only we can make.
//!
//! A cursor is `base64url(tag ‖ position)`. The tag is an HMAC-SHA256 over the organization, the list with its filters
//! and the position, so a cursor opens nothing but the list it was made for. What it holds is not hidden: only what the
//! page before it showed.

use std::fmt::{self, Display};
use std::str::FromStr;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::reloading::Reloading;

/// Keeps these tags apart from whatever else a key might sign, and from those of a later layout.
const PURPOSE: &[u8] = b"switchboard cursor 1";
const OF_SECRETS: &[u8] = b"switchboard secret 1";
const OF_IDS: &[u8] = b"switchboard key id 1";
const KEY_ID_BYTES: usize = 8;
const TAG_BYTES: usize = 32;
/// Longer texts are no cursors of ours.
const MAX_TEXT: usize = 4096;

/// A key that cursors are signed with: at least 32 random bytes, in hex or base64.
#[derive(Clone)]
pub struct SigningKey(Key);

/// Random bytes of a key.
const KEY_BYTES: usize = 32;
/// Of that many random bytes, fewer different characters than this come up in hex less than once in 10^12 keys: what
/// has fewer was typed, not drawn.
const MIN_DIFFERENT: usize = 8;

impl SigningKey {
    /// The text of a new key.
    pub fn generate() -> String {
        STANDARD.encode(rand::random::<[u8; KEY_BYTES]>())
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
        let least = if is_hex { KEY_BYTES * 2 } else { (KEY_BYTES * 8).div_ceil(6) };
        let different = digits.bytes().collect::<std::collections::BTreeSet<_>>().len();
        if is_base64 && digits.len() >= least && different >= MIN_DIFFERENT {
            // HMAC takes keys of any length: the text itself has all the randomness.
            Ok(Self(Key::new(HMAC_SHA256, digits.as_bytes())))
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

/// The keys of the service. The first one signs, each of them opens.
#[derive(Clone, Debug)]
pub struct SigningKeys(Reloading<Vec<SigningKey>>);

/// Which list a cursor walks: its name and all that chooses what is in it.
#[derive(Clone, Debug)]
pub struct Scope(Vec<u8>);

impl Scope {
    /// The list of that name.
    pub fn of(list: &'static str) -> Self {
        let mut scope = Self(Vec::with_capacity(128));
        scope.push(list.as_bytes());
        scope
    }

    /// The same list, narrowed down. Equal filters must be spelled equally and come in the same order.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.push(name.as_bytes());
        self.push(value.to_string().as_bytes());
        self
    }

    /// The same list, narrowed down if the filter is there at all.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With its length before it, so that no two scopes run together into the same bytes.
    fn push(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&length(part));
        self.0.extend_from_slice(part);
    }
}

impl SigningKeys {
    /// Signs with the current key; while keys are exchanged, the previous one is accepted too.
    pub fn new(current: SigningKey, previous: Option<SigningKey>) -> Self {
        Self([current].into_iter().chain(previous).collect::<Vec<_>>().into())
    }

    /// Keys that are reloaded: the first one signs, all are accepted.
    pub fn reloading(keys: Reloading<Vec<SigningKey>>) -> Self {
        Self(keys)
    }

    /// The cursor for that place in that list of that organization.
    pub fn seal(&self, org: OrgId, scope: &Scope, position: &impl Serialize) -> Result<String> {
        let position = serde_json::to_vec(position).map_err(Error::internal)?;
        // There is always a first key.
        let keys = self.0.get();
        let key = keys.first().ok_or_else(|| Error::internal("no cursor key"))?;
        let tag = hmac::sign(&key.0, &signed(org, scope, &position));
        Ok(URL_SAFE_NO_PAD.encode([tag.as_ref(), &position].concat()))
    }

    /// The place a cursor names, if it was made for that list of that organization.
    pub fn open<P: DeserializeOwned>(&self, org: OrgId, scope: &Scope, text: &str) -> Result<P> {
        self.position(org, scope, text).ok_or_else(|| {
            Error::invalid("cursor", "must be one that the same list with the same filters answered")
        })
    }

    fn position<P: DeserializeOwned>(&self, org: OrgId, scope: &Scope, text: &str) -> Option<P> {
        let bytes = Some(text).filter(|text| text.len() <= MAX_TEXT)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES)?;
        let signed = signed(org, scope, position);
        // Compares in constant time.
        self.0.get().iter().any(|key| hmac::verify(&key.0, &signed, tag).is_ok()).then_some(())?;
        serde_json::from_slice(position).ok()
    }
}

impl SigningKeys {
    /// Which key is the current one: what [`secret`](Self::secret) asks for.
    pub fn current_id(&self) -> Result<Vec<u8>> {
        let keys = self.0.get();
        let key = keys.first().ok_or_else(|| Error::internal("no cursor key"))?;
        Ok(key.id())
    }

    /// A secret that nobody has to keep: made of the key with that id and of these parts, of which the first says what it is
    /// for. `None` when the key is no longer there.
    pub fn secret(&self, key_id: &[u8], parts: &[&[u8]]) -> Option<[u8; TAG_BYTES]> {
        let keys = self.0.get();
        let key = keys.iter().find(|key| key.id() == key_id)?;
        let parts: Vec<u8> = parts.iter().flat_map(|part| [&length(part)[..], part].concat()).collect();
        hmac::sign(&key.0, &[OF_SECRETS, &parts].concat()).as_ref().try_into().ok()
    }
}

impl SigningKey {
    /// Tells keys apart, and nothing of what they are.
    fn id(&self) -> Vec<u8> {
        hmac::sign(&self.0, OF_IDS).as_ref()[..KEY_ID_BYTES].to_vec()
    }
}

/// What a tag is made over.
fn signed(org: OrgId, scope: &Scope, position: &[u8]) -> Vec<u8> {
    [PURPOSE, org.as_uuid().as_bytes(), &length(&scope.0), &scope.0, position].concat()
}

fn length(part: &[u8]) -> [u8; 8] {
    // usize has at most 64 bits wherever this runs.
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests;
