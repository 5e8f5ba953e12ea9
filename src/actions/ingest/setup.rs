//! What an organization has before anybody writes to it: numbers, members, labels, properties.
//!
//! These are made where they are missing. What is there already stays as it is: whoever moves an organization brings
//! these along, and whoever changes them does so by their own calls.

use super::Refused;
use super::event::{LabelEvent, NumberEvent, OrganizationMemberEvent, PropertyEvent};
use super::session_scope::SessionScope;
use crate::actions::properties::NewProperty;
use crate::actions::{labels, members, properties, sessions};
use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress, LabelId, Phone, PhoneId, PropertyId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::setup::{self as rows, NewLabel, NewMember, NewNumber, NewProperty as PropertyRow};
use crate::store::{Connection, StoreResult};

/// One of them, as it is stored.
pub(super) enum Setup {
    Number(NewNumber),
    Member(NewMember),
    Label(NewLabel),
    Property(PropertyRow),
}

/// One transaction's work.
pub(super) fn write(
    connection: &mut Connection,
    reach: &SessionScope,
    events: &[(usize, Setup)],
) -> StoreResult<Refused> {
    let (mut numbers, mut members, mut labels, mut properties) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (_, event) in events {
        match event {
            Setup::Number(number) => numbers.push(number),
            Setup::Member(member) => members.push(member),
            Setup::Label(label) => labels.push(label),
            Setup::Property(property) => properties.push(property),
        }
    }
    rows::add_numbers(connection, reach.org, &numbers)?;
    rows::add_members(connection, reach.org, &members)?;
    rows::add_labels(connection, reach.org, &labels)?;
    rows::add_properties(connection, reach.org, &properties)?;
    Ok(Refused::new())
}

/// The number whose digits the event names as its session.
pub(super) fn number(session: &str, event: NumberEvent) -> Result<Setup> {
    let lid = event.lid.as_deref().map(|lid| parsed::<ChatAddress>("number.lid", lid)).transpose()?;
    if lid.as_ref().is_some_and(|lid| lid.kind() != AddressKind::Lid) {
        return Err(Error::invalid("number.lid", "must be <digits>@lid"));
    }
    let phone_id = event.phone_id.as_deref().map(|id| parsed::<PhoneId>("number.phoneId", id)).transpose()?;
    let id = event.id.as_deref().map(|id| parsed::<SessionId>("number.id", id)).transpose()?;
    let label =
        event.label.map_or(Ok(None), sessions::checked_label).map_err(|error| under("number", &error))?;
    Ok(Setup::Number(NewNumber {
        session_id: id.unwrap_or_else(SessionId::generate),
        phone: session.parse::<Phone>().map_err(|error| Error::invalid("session", error))?,
        phone_id: phone_id.unwrap_or_else(PhoneId::generate),
        lid: lid.map(|lid| lid.as_str().to_owned()),
        label,
        created_at: event.created_at.unwrap_or_else(Instant::now),
    }))
}

/// A member. Whether it may be an owner was asked before.
pub(super) fn member(event: OrganizationMemberEvent) -> Result<Setup> {
    let role = event.role.as_deref().map(str::parse).transpose();
    let new = members::NewMember {
        email: event.email,
        name: event.name,
        role: role.map_err(|error| under("member", &error))?,
    };
    let row = members::checked_new(new).map_err(|error| under("member", &error))?;
    Ok(Setup::Member(NewMember { row, created_at: event.created_at.unwrap_or_else(Instant::now) }))
}

/// A label.
pub(super) fn label(event: LabelEvent) -> Result<Setup> {
    let id = event.id.as_deref().map(|id| parsed::<LabelId>("label.id", id)).transpose()?;
    let (name, color) =
        labels::checked_new(&event.name, event.color).map_err(|error| under("label", &error))?;
    Ok(Setup::Label(NewLabel {
        label_id: id.unwrap_or_else(LabelId::generate),
        name: name.name,
        label_key: name.key,
        color,
        created_at: event.created_at.unwrap_or_else(Instant::now),
    }))
}

/// A property.
pub(super) fn property(event: PropertyEvent) -> Result<Setup> {
    let id = event.id.as_deref().map(|id| parsed::<PropertyId>("property.id", id)).transpose()?;
    let kind = event.kind.parse().map_err(|error| under("property", &error))?;
    let new = NewProperty { id, name: event.name, kind, options: event.options };
    let row = properties::checked_new(new).map_err(|error| under("property", &error))?;
    Ok(Setup::Property(PropertyRow { row, created_at: event.created_at.unwrap_or_else(Instant::now) }))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| Error::invalid(field, error))
}

/// The same refusal, of a field of that kind of event.
fn under(kind: &str, error: &Error) -> Error {
    let problem = error.fields().first();
    problem.map_or_else(
        || Error::invalid(kind, error.message()),
        |violation| Error::invalid(format!("{kind}.{}", violation.field), &violation.problem),
    )
}
