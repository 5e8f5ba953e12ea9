//! Parses the organization's own data of a chat.

use std::collections::BTreeMap;

use prost_types::Value as ProtoValue;
use prost_types::value::Kind;

use super::fields::{Fields, address, body, instant, json, required, text};
use crate::actions::chat_properties::PropertyInput;
use crate::actions::ingest::change::{Change, InboxChange};
use crate::actions::labels;
use crate::error::{Error, Result};
use crate::pb::ingest_event::{Inbox, Note};
use crate::store::labels::LabelName;
use crate::store::notes::NoteRow;
use crate::text_key::text_key;

pub(super) fn parse(inbox: Inbox) -> Result<Change> {
    let chat = address("inbox.chat", &inbox.chat)?;
    let fields = Fields::new("inbox", inbox.cleared, Inbox::CLEARABLE)?;
    let members =
        inbox.access.into_iter().map(|(email, is_open)| Ok((text("inbox.access", email)?, is_open)));
    let members: Vec<(String, bool)> = members.collect::<Result<_>>()?;
    let metadata = inbox.hubspot_metadata.map(|object| ProtoValue { kind: Some(Kind::StructValue(object)) });
    let change = InboxChange {
        assignee: fields.text("assigned_to", inbox.assigned_to)?.map(|email| text_key(&email)),
        labels: inbox.labels.map(|labels| label_names(&labels.names)).transpose()?,
        properties: inbox.custom_properties.into_iter().map(|(key, value)| (key, property(value))).collect(),
        access: members.into_iter().map(|(email, is_open)| (text_key(&email), is_open)).collect(),
        closed_at: fields.instant("closed_at", inbox.closed_at)?,
        hubspot_metadata: metadata.map(|value| json("inbox.hubspotMetadata", value)).transpose()?,
        notes: inbox.notes.into_iter().map(note).collect::<Result<_>>()?,
        updated_at: instant("inbox.updatedAt", inbox.updated_at)?,
    };
    Ok(Change::Inbox { chat, inbox: Box::new(change) })
}

fn note(note: Note) -> Result<NoteRow> {
    let created_at = required("inbox.notes.createdAt", note.created_at)?;
    Ok(NoteRow {
        note_id: note.id.parse().map_err(|expected| Error::invalid("inbox.notes.id", expected))?,
        body: body("inbox.notes.body", note.body)?,
        author: text("inbox.notes.author", note.author)?,
        created_at,
        updated_at: instant("inbox.notes.updatedAt", note.updated_at)?.unwrap_or(created_at),
    })
}

/// Each label once, sorted by key.
fn label_names(names: &[String]) -> Result<Vec<LabelName>> {
    let mut labels = BTreeMap::new();
    for name in names {
        let (label, _) = labels::checked_new(name, None).map_err(|error| {
            let problem = error.fields().first().map_or("", |violation| &violation.problem);
            Error::invalid("inbox.labels", problem)
        })?;
        labels.entry(label.key.clone()).or_insert(label);
    }
    labels::check_count("inbox.labels", labels.len())?;
    Ok(labels.into_values().collect())
}

fn property(value: ProtoValue) -> PropertyInput {
    match value.kind {
        None | Some(Kind::NullValue(_)) => PropertyInput::Null,
        Some(Kind::StringValue(text)) => PropertyInput::Text(text),
        Some(Kind::ListValue(list)) => {
            let texts = list.values.into_iter().map(|item| match item.kind {
                Some(Kind::StringValue(text)) => Some(text),
                Some(
                    Kind::NullValue(_)
                    | Kind::NumberValue(_)
                    | Kind::BoolValue(_)
                    | Kind::StructValue(_)
                    | Kind::ListValue(_),
                )
                | None => None,
            });
            texts.collect::<Option<_>>().map_or(PropertyInput::Other, PropertyInput::Texts)
        }
        Some(Kind::BoolValue(_) | Kind::NumberValue(_) | Kind::StructValue(_)) => PropertyInput::Other,
    }
}
