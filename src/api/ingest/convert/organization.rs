//! What the organization itself says, from the wire.

use super::{instant, json, paths, set, told, wire};
use crate::error::{Error, Result};
use crate::patch::Patch;

pub(super) fn inbox(event: wire::Inbox) -> Result<told::InboxEvent> {
    let values = event.custom_properties.into_iter().map(|(key, value)| {
        let value = json(&format!("inbox.custom_properties.{key}"), value)?;
        Ok((key, value))
    });
    let known = event.hubspot_metadata.map(|known| {
        let fields = known.fields.into_iter();
        fields.map(|(name, value)| Ok((name, json("inbox.hubspot_metadata", value)?))).collect::<Result<_>>()
    });
    let mut told = told::InboxEvent {
        chat: event.chat,
        assigned_to: set(event.assigned_to),
        labels: event.labels.map(|labels| labels.names),
        custom_properties: values.collect::<Result<_>>()?,
        access: event.access.into_iter().collect(),
        closed_at: set(instant("inbox.closed_at", event.closed_at)?),
        hubspot_metadata: known.transpose()?,
        updated_at: instant("inbox.updated_at", event.updated_at)?,
    };
    for path in paths(event.cleared) {
        match path.as_str() {
            "assigned_to" => told.assigned_to = Patch::Clear,
            "closed_at" => told.closed_at = Patch::Clear,
            _ => return Err(Error::invalid("inbox.cleared", "may name assigned_to and closed_at")),
        }
    }
    Ok(told)
}

pub(super) fn number(event: wire::Number) -> Result<told::NumberEvent> {
    let created_at = instant("number.created_at", event.created_at)?;
    let (id, phone_id, lid, label) = (event.id, event.phone_id, event.lid, event.label);
    Ok(told::NumberEvent { id, phone_id, lid, label, created_at })
}

pub(super) fn member(event: wire::OrganizationMember) -> Result<told::OrganizationMemberEvent> {
    let created_at = instant("member.created_at", event.created_at)?;
    let (email, name, role) = (event.email, event.name, event.role);
    Ok(told::OrganizationMemberEvent { email, name, role, created_at })
}

pub(super) fn label(event: wire::Label) -> Result<told::LabelEvent> {
    let created_at = instant("label.created_at", event.created_at)?;
    Ok(told::LabelEvent { id: event.id, name: event.name, color: event.color, created_at })
}

pub(super) fn property(event: wire::Property) -> Result<told::PropertyEvent> {
    let created_at = instant("property.created_at", event.created_at)?;
    let (id, name, kind, options) = (event.id, event.name, event.kind, event.options);
    Ok(told::PropertyEvent { id, name, kind, options, created_at })
}
