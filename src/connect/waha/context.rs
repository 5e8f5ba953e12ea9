//! What the mapper needs to know beside the payload, and the events that it collects.

use serde_json::Value;

use super::fields::{as_address, instant, person};
use crate::connect::gateway::{FollowUp, Lookup, Mapped};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Address, Contact, Event};

/// The session's own addresses, and the time of what is mapped: of an event, or of the request that read it.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The phone number of the session.
    pub own: ChatAddress,
    /// Its LID, if known.
    pub own_lid: Option<ChatAddress>,
    /// The time.
    pub at: Instant,
}

impl Context {
    /// Whether it is an address of the session itself.
    pub(super) fn is_own(&self, address: &ChatAddress) -> bool {
        let is_phone = *address == self.own || self.own.other_spelling().as_ref() == Some(address);
        is_phone || Some(address) == self.own_lid.as_ref()
    }

    /// When a group changed, as its event says.
    pub(super) fn changed_at(&self, payload: &Value) -> Instant {
        instant(payload, &["/timestamp"]).unwrap_or(self.at)
    }
}

/// Adds an event.
pub(super) fn push(mapped: &mut Mapped, event: Event) {
    mapped.events.push(IngestEvent { event: Some(event), ..IngestEvent::default() });
}

/// Adds that two spellings of a person belong together, if one is a LID and the other a phone number.
pub(super) fn link(mapped: &mut Mapped, one: &ChatAddress, other: &ChatAddress) {
    let (lid, jid) = match (one.kind(), other.kind()) {
        (AddressKind::Lid, AddressKind::Person) => (one, other),
        (AddressKind::Person, AddressKind::Lid) => (other, one),
        _ => return,
    };
    let address = Address { lid: lid.to_string(), jid: jid.to_string(), user_id: String::new() };
    let event = Event::Address(address);
    if !mapped.events.iter().any(|known| known.event.as_ref() == Some(&event)) {
        push(mapped, event);
    }
}

/// Links the addresses that a message has in two spellings, and asks for the phone numbers of its other LIDs.
pub(super) fn link_all(mapped: &mut Mapped, data: &Value, persons: &[Option<&ChatAddress>]) {
    // NOWEB, earlier versions of it, GOWS.
    for (one, other) in [
        ("/key/remoteJid", "/key/remoteJidAlt"),
        ("/key/participant", "/key/participantAlt"),
        ("/key/remoteJid", "/key/senderPn"),
        ("/key/remoteJid", "/key/senderLid"),
        ("/key/participant", "/key/participantPn"),
        ("/key/participant", "/key/participantLid"),
        ("/Info/Sender", "/Info/SenderAlt"),
        ("/Info/Chat", "/Info/RecipientAlt"),
        ("/MessageSender", "/SenderAlt"),
    ] {
        if let (Some(one), Some(other)) = (person(data, &[one]), person(data, &[other])) {
            link(mapped, &one, &other);
        }
    }
    for lid in persons.iter().flatten().filter(|address| address.kind() == AddressKind::Lid) {
        let is_known = mapped
            .events
            .iter()
            .any(|event| matches!(&event.event, Some(Event::Address(known)) if known.lid == lid.as_str()));
        let lookup = FollowUp::Lookup(Lookup::Lid(lid.to_string()));
        if !is_known && !mapped.follow_ups.contains(&lookup) {
            mapped.follow_ups.push(lookup);
        }
    }
}

/// Adds the name that a person has chosen.
///
/// A name of the address book counts more, so the version of a chosen one precedes all real times: it is the thousandth part of
/// the time since 1970, which keeps the order of several.
pub(super) fn push_name(mapped: &mut Mapped, of: &ChatAddress, name: Option<String>, at: Instant) {
    if let Some(name) = name {
        let version = Instant::from_micros(at.micros() / 1000);
        let contact = Contact {
            id: of.to_string(),
            name: Some(name),
            updated_at: Some(version.into()),
            ..Contact::default()
        };
        push(mapped, Event::Contact(contact));
    }
}

/// The address in the field, also where WhatsApp Web has an object.
pub(super) fn address(value: &Value, name: &str) -> Option<ChatAddress> {
    value.get(name).and_then(as_address)
}
