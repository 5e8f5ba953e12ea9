//! People and groups as webhooks name them.
//!
//! Since April 2026 every person has a user id for each business. One with a user name may have no phone number in webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use super::fields::{event, items, phone, text};
use crate::ids::{AddressKind, ChatAddress, Phone};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Address, Contact, Event};

/// How the id of a group begins, before the business's phone number and the digits of the group.
const GROUP: &str = "capi_group";

/// A person: by phone number, by user id, or by both.
#[derive(Debug, Default)]
pub(super) struct Person<'a> {
    pub(super) phone: Option<ChatAddress>,
    pub(super) user_id: Option<ChatAddress>,
    pub(super) name: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// The person with this phone number or user id, with what the contacts of the webhook add.
    pub(super) fn new(number: Option<&str>, user_id: Option<&str>, value: &'a Value) -> Self {
        // A person without a phone number may be named by user id in its place.
        let (number, user_id) = (number.and_then(phone), user_id.or(number).and_then(user_id_address));
        let mut known = items(value, "contacts").iter().map(Self::of_contact);
        let same = |other: &Self| {
            number.is_some() && other.phone == number || user_id.is_some() && other.user_id == user_id
        };
        let contact = known.find(same).unwrap_or_default();
        Self { phone: number.or(contact.phone), user_id: user_id.or(contact.user_id), name: contact.name }
    }

    fn of_contact(contact: &'a Value) -> Self {
        Self {
            phone: text(contact, "/wa_id").and_then(phone),
            user_id: text(contact, "/user_id").and_then(user_id_address),
            name: text(contact, "/profile/name"),
        }
    }

    /// The address of the person's chat.
    pub(super) fn address(&self) -> Option<&ChatAddress> {
        self.phone.as_ref().or(self.user_id.as_ref())
    }

    /// What the webhook says about the person: both addresses, and the name of the profile.
    pub(super) fn events(&self, at: Instant) -> Vec<IngestEvent> {
        let mut events = Vec::new();
        if let (Some(phone), Some(user_id)) = (&self.phone, &self.user_id) {
            let (jid, user_id) = (phone.as_str().to_owned(), user_id.as_str().to_owned());
            events.push(event(Event::Address(Address { lid: String::new(), jid, user_id })));
        }
        if let (Some(address), Some(name)) = (self.address(), self.name) {
            events.push(event(Event::Contact(Contact {
                id: address.as_str().to_owned(),
                name: Some(name.to_owned()),
                updated_at: Some(profile_time(at).into()),
                ..Contact::default()
            })));
        }
        events
    }
}

/// The version of a profile's name that was seen then. Names of the address book count more, whenever they were written: so
/// seconds become microseconds, which keeps the order among profiles.
fn profile_time(at: Instant) -> Instant {
    Instant::from_micros(at.micros() / 1_000_000)
}

fn user_id_address(text: &str) -> Option<ChatAddress> {
    text.parse().ok().filter(|address: &ChatAddress| address.kind() == AddressKind::UserId)
}

/// The address of a group by its id in the API: Base64 of `capi_group:<business>:<group>`, with `ZD` in place of `=`.
///
/// # Errors
///
/// The id has another form.
pub(super) fn group(id: &str) -> Result<ChatAddress, String> {
    let decoded = STANDARD_NO_PAD.decode(id.trim_end_matches("ZD")).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let digits = decoded.as_deref().and_then(|text| text.strip_prefix(GROUP)?.rsplit(':').next());
    let address = digits.and_then(|digits| format!("{digits}@g.us").parse().ok());
    address.or_else(|| id.parse().ok()).ok_or_else(|| "group_id: must be an id of the Groups API".to_owned())
}

/// The id in the API of a group of this business.
pub(super) fn group_id(group: &ChatAddress, business: &Phone) -> String {
    let digits = group.as_str().trim_end_matches("@g.us");
    let text = STANDARD_NO_PAD.encode(format!("{GROUP}:{}:{digits}", business.as_str()));
    let padding = (4 - text.len() % 4) % 4;
    text + &"ZD".repeat(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_groups_hold_their_address() {
        // The example of Meta's documentation.
        let id = "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD";
        let address = group(id).unwrap();
        assert_eq!(address.as_str(), "120363404694233820@g.us");
        assert_eq!(group_id(&address, &"17055550139".parse().unwrap()), id);
        assert_eq!(group("120363404694233820@g.us").unwrap(), address);
        assert!(group("Y2FwaQZDZD").is_err());
        assert!(group("").is_err());
    }
}
