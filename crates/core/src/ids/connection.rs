//! Connection ids.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::invalid_id::InvalidId;
use super::org::OrgId;

/// Digits of the organization, and of the random part.
const HALF: usize = 32;

/// The id of a connection: the organization's id in 32 hexadecimal digits, then 128 random bits in 32 more.
///
/// It is part of webhook URLs, so it cannot be guessed, and names the organization, so that a webhook's connection is found in
/// one shard of a distributed database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    text: String,
    org: OrgId,
}

impl ConnectionId {
    /// A new random id of the organization.
    pub fn generate(org: OrgId) -> Self {
        Self { text: format!("{}{:032x}", org.as_uuid().simple(), rand::random::<u128>()), org }
    }

    /// The organization that it names.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The random part.
    pub fn random_part(&self) -> Uuid {
        // The text has 32 hexadecimal digits there.
        self.text.get(HALF..).and_then(|digits| Uuid::try_parse(digits).ok()).unwrap_or_default()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ConnectionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let org = text.get(..HALF).filter(|_| is_hex && text.len() == 2 * HALF);
        let org =
            org.and_then(|org| Uuid::try_parse(org).ok()).ok_or(InvalidId("must be a connection id"))?;
        Ok(Self { text: text.to_owned(), org: org.into() })
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_names_its_organization() {
        let org = OrgId::generate();
        let id = ConnectionId::generate(org);
        assert_eq!((id.org(), id.as_str().parse()), (org, Ok(id.clone())));
        assert_ne!(id, ConnectionId::generate(org));
        for invalid in
            ["", &id.as_str()[1..], &id.as_str().to_uppercase(), &format!("{id}0"), &"é".repeat(32)]
        {
            assert!(invalid.parse::<ConnectionId>().is_err(), "{invalid}");
        }
    }
}
