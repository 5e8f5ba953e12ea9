//! Parses records of the organization itself.

use std::fmt::Display;
use std::str::FromStr;

use super::fields::{address_of, instant};
use crate::actions::ingest::setup::Setup;
use crate::actions::properties::NewProperty;
use crate::actions::{labels, members, properties, sessions};
use crate::error::{Error, Result};
use crate::ids::{AddressKind, LabelId, Phone, PhoneId, PropertyId, SessionId};
use crate::instant::Instant;
use crate::pb::ingest_event::{Label, Number, OrganizationMember, Property};
use crate::store::ingest::setup::{self as rows, NewLabel, NewMember, NewSession};

/// A session, whose digits the event names.
pub(super) fn session(phone: &str, number: Number) -> Result<Setup> {
    let lid = number.lid.map(|lid| address_of("number.lid", &lid, AddressKind::Lid, "must be <digits>@lid"));
    let label = number.label.map_or(Ok(None), sessions::checked_label);
    Ok(Setup::Session(NewSession {
        session_id: optional("number.id", number.id)?.unwrap_or_else(SessionId::generate),
        phone: phone.parse::<Phone>().map_err(|error| Error::invalid("session", error))?,
        phone_id: optional("number.phoneId", number.phone_id)?.unwrap_or_else(PhoneId::generate),
        lid: lid.transpose()?.map(|lid| lid.as_str().to_owned()),
        label: label.map_err(|error| under("number", &error))?,
        created_at: instant("number.createdAt", number.created_at)?.unwrap_or_else(Instant::now),
    }))
}

/// A member. The caller's right to add owners is checked before.
pub(super) fn member(member: OrganizationMember) -> Result<Setup> {
    let created_at = instant("member.createdAt", member.created_at)?.unwrap_or_else(Instant::now);
    let role = member.role.as_deref().map(str::parse).transpose();
    let role = role.map_err(|error| under("member", &error))?;
    let row = members::checked_new(members::NewMember { email: member.email, name: member.name, role });
    Ok(Setup::Member(NewMember { row: row.map_err(|error| under("member", &error))?, created_at }))
}

pub(super) fn label(label: Label) -> Result<Setup> {
    let label_id = optional("label.id", label.id)?.unwrap_or_else(LabelId::generate);
    let checked = labels::checked_new(&label.name, label.color);
    let (name, color) = checked.map_err(|error| under("label", &error))?;
    let created_at = instant("label.createdAt", label.created_at)?.unwrap_or_else(Instant::now);
    Ok(Setup::Label(NewLabel { label_id, name: name.name, label_key: name.key, color, created_at }))
}

pub(super) fn property(property: Property) -> Result<Setup> {
    let id = optional::<PropertyId>("property.id", property.id)?;
    let kind = property.kind.parse().map_err(|error| under("property", &error))?;
    let row =
        properties::checked_new(NewProperty { id, name: property.name, kind, options: property.options })
            .map_err(|error| under("property", &error))?;
    let created_at = instant("property.createdAt", property.created_at)?.unwrap_or_else(Instant::now);
    Ok(Setup::Property(rows::NewProperty { row, created_at }))
}

fn optional<T: FromStr<Err: Display>>(field: &str, text: Option<String>) -> Result<Option<T>> {
    text.map(|text| text.parse().map_err(|error| Error::invalid(field, error))).transpose()
}

/// The same error with the field below that kind of event.
fn under(kind: &str, error: &Error) -> Error {
    match error.fields().first() {
        Some(violation) => Error::invalid(format!("{kind}.{}", violation.field), &violation.problem),
        None => Error::invalid(kind, error.message()),
    }
}
