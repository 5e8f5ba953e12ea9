//! WhatsApp addresses of chats and contacts.

use std::fmt;
use std::str::FromStr;

use super::invalid_id::InvalidId;
use super::numbering_plan;
use super::phone::Phone;

/// The kind of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// A person by phone number.
    Person,
    /// A group.
    Group,
    /// A person by LID, WhatsApp's id of a person with a hidden number.
    Lid,
    /// A person by business-scoped user id, WhatsApp's id of a person for one business.
    UserId,
}

/// The address of a chat or a contact in its canonical spelling.
///
/// The spellings are `<digits>@c.us`, `<id>@g.us`, `<digits>@lid` and `<country>.<id>@bsuid`; a group's id is digits or
/// `<digits>-<digits>`. Parsing also accepts the servers `s.whatsapp.net` and `hosted` in place of `c.us` and `hosted.lid`
/// in place of `lid`, a bare user id, and agent and device parts of people (`<digits>_<agent>:<device>@…`), which it drops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatAddress {
    text: String,
    kind: AddressKind,
}

const EXPECTED: &str =
    "must be <digits>@c.us, <digits>@s.whatsapp.net, <digits>@lid, <id>@g.us or <country>.<id>@bsuid";

impl ChatAddress {
    /// Parses an address of the chat API, in which bare digits are a person's phone number.
    pub fn from_chat_id(text: &str) -> Result<Self, InvalidId> {
        if is_digits(text, 1..=32) { Ok(Self::person(text)) } else { text.parse() }
    }

    /// The address of one of the organization's own numbers.
    pub fn of_phone(phone: &Phone) -> Self {
        Self::person(phone.as_str())
    }

    /// The canonical spelling, which is stored and which the chat API returns.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of the address.
    pub const fn kind(&self) -> AddressKind {
        self.kind
    }

    /// The spelling of the session API: `@s.whatsapp.net` in place of `@c.us`.
    pub fn to_jid(&self) -> String {
        match self.text.strip_suffix("@c.us") {
            Some(digits) => format!("{digits}@s.whatsapp.net"),
            None => self.text.clone(),
        }
    }

    /// The other spelling of a mobile number: see `numbering_plan`.
    pub fn other_spelling(&self) -> Option<Self> {
        let digits = self.text.strip_suffix("@c.us")?;
        numbering_plan::other_spelling(digits).map(|digits| Self::person(&digits))
    }

    fn person(digits: &str) -> Self {
        Self { text: format!("{digits}@c.us"), kind: AddressKind::Person }
    }
}

impl FromStr for ChatAddress {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId(EXPECTED);
        let (user, server) = text.split_once('@').unwrap_or((text, "bsuid"));
        match server {
            "c.us" | "s.whatsapp.net" | "hosted" => without_device(user).map(Self::person).ok_or(invalid),
            "bsuid" if is_user_id(user) => {
                Ok(Self { text: format!("{user}@bsuid"), kind: AddressKind::UserId })
            }
            "lid" | "hosted.lid" => {
                let digits = without_device(user).ok_or(invalid)?;
                Ok(Self { text: format!("{digits}@lid"), kind: AddressKind::Lid })
            }
            "g.us" if is_group_id(user) => Ok(Self { text: text.to_owned(), kind: AddressKind::Group }),
            _ => Err(invalid),
        }
    }
}

impl fmt::Display for ChatAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The digits of `<digits>_<agent>:<device>`, of which both parts are optional.
fn without_device(user: &str) -> Option<&str> {
    let (user, device) = user.split_once(':').unwrap_or((user, "0"));
    let (digits, agent) = user.split_once('_').unwrap_or((user, "0"));
    (is_digits(digits, 1..=32) && is_digits(agent, 1..=5) && is_digits(device, 1..=5)).then_some(digits)
}

/// Whether it is a user id such as `US.1349`, or a parent's `US.ENT.118`.
fn is_user_id(text: &str) -> bool {
    let Some((country, id)) = text.split_once('.') else { return false };
    let id = id.strip_prefix("ENT.").unwrap_or(id);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_group_id(user: &str) -> bool {
    let (first, second) = user.split_once('-').unwrap_or((user, "0"));
    is_digits(first, 1..=32) && is_digits(second, 1..=32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_person_parse_to_the_canonical_one() {
        for spelling in [
            "15550101844@c.us",
            "15550101844@s.whatsapp.net",
            "15550101844:23@s.whatsapp.net",
            "15550101844:2@c.us",
            "15550101844_1:23@s.whatsapp.net",
            "15550101844:99@hosted",
        ] {
            assert_eq!(spelling.parse::<ChatAddress>().unwrap().as_str(), "15550101844@c.us", "{spelling}");
        }
        let bare = ChatAddress::from_chat_id("15550101844").unwrap();
        assert_eq!(
            (bare.as_str(), bare.to_jid().as_str()),
            ("15550101844@c.us", "15550101844@s.whatsapp.net")
        );
    }

    #[test]
    fn spellings_of_hidden_persons_parse_to_the_canonical_one() {
        for (spelling, canonical) in [
            ("189412345678:7@lid", "189412345678@lid"),
            ("189412345678:99@hosted.lid", "189412345678@lid"),
            ("US.1349", "US.1349@bsuid"),
            ("US.ENT.118@bsuid", "US.ENT.118@bsuid"),
        ] {
            assert_eq!(spelling.parse::<ChatAddress>().unwrap().as_str(), canonical, "{spelling}");
        }
    }

    #[test]
    fn groups_and_lids_keep_their_server() {
        for (text, kind) in [
            ("120363300000000001@g.us", AddressKind::Group),
            ("15550101844-1612345678@g.us", AddressKind::Group),
            ("189412345678@lid", AddressKind::Lid),
        ] {
            let address: ChatAddress = text.parse().unwrap();
            assert_eq!((address.as_str(), address.kind(), address.to_jid().as_str()), (text, kind, text));
        }
    }

    #[test]
    fn other_texts_are_invalid() {
        for text in [
            "",
            "@",
            "@c.us",
            "abc@c.us",
            "1@C.US",
            "+1@c.us",
            "1 @c.us",
            "1@c.us@c.us",
            "1@g.us.",
            "1:@c.us",
            "1:x@c.us",
            "-1@g.us",
            "1-@g.us",
            "1@broadcast",
            "1\u{0}@c.us",
            "١@c.us",
            "15550101844",
            "us.1349",
            "US.",
            "US.1-3@bsuid",
            "1_@c.us",
        ] {
            assert!(text.parse::<ChatAddress>().is_err(), "{text:?}");
        }
    }
}
