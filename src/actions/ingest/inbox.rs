//! What an organization made of its chats: assignee, labels, custom properties, access.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::chats::Chats;
use super::check::Change;
use super::event::InboxEvent;
use super::{JsonTree, Refused};
use crate::actions::chat_properties::{self, Changes, PropertyInput};
use crate::actions::labels;
use crate::error::{Error, FieldViolation, Result};
use crate::ids::{ChatAddress, LabelId, OrgId, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::ingest::inbox::{self as rows, Organized};
use crate::store::labels::{self as stored_labels, LabelName};
use crate::store::{Connection, StoreResult, members as stored_members};
use crate::text_key::text_key;

const NOT_A_MEMBER: &str = "must be the email of a member of the organization";

/// What is said of one chat, as far as that can be told without looking anything up.
pub(super) struct Inbox {
    /// The key of the member's email.
    assignee: Patch<String>,
    labels: Option<Vec<LabelName>>,
    properties: BTreeMap<String, PropertyInput>,
    /// By the key of the member's email.
    access: BTreeMap<String, bool>,
    closed_at: Patch<Instant>,
    hubspot_metadata: Option<JsonTree>,
    updated_at: Option<Instant>,
}

/// What is said of one chat, held to the organization's members and properties.
pub(super) struct Told<'a> {
    chat: &'a ChatAddress,
    inbox: &'a Inbox,
    properties: Changes,
}

/// Checks the form of what is said.
pub(super) fn check(event: InboxEvent) -> Result<Inbox> {
    let named_labels = event.labels.as_deref().map(label_names).transpose();
    let member = |field: &str, email: &str| match email.contains('\0') {
        // PostgreSQL cannot hold NUL, so no member's email has one.
        true => Err(Error::invalid(field, NOT_A_MEMBER)),
        false => Ok(text_key(email)),
    };
    let access =
        event.access.into_iter().map(|(email, is_open)| Ok((member("inbox.access", &email)?, is_open)));
    Ok(Inbox {
        assignee: event.assigned_to.try_map(|email| member("inbox.assignedTo", &email))?,
        labels: named_labels.map_err(|error| of_inbox(&error))?,
        properties: event.custom_properties.into_iter().map(|(key, value)| (key, given(value))).collect(),
        access: access.collect::<Result<_>>()?,
        closed_at: event.closed_at,
        hubspot_metadata: event.hubspot_metadata.map(Value::Object),
        updated_at: event.updated_at,
    })
}

/// Each once, sorted by key.
fn label_names(names: &[String]) -> Result<Vec<LabelName>> {
    let mut labels = BTreeMap::new();
    for name in names {
        let (label, _) = labels::checked_new(name, None).map_err(|error| {
            Error::invalid("labels", error.fields().first().map_or("", |violation| &violation.problem))
        })?;
        labels.entry(label.key.clone()).or_insert(label);
    }
    Ok(labels.into_values().collect())
}

fn given(value: Value) -> PropertyInput {
    match value {
        Value::Null => PropertyInput::Null,
        Value::String(text) => PropertyInput::Text(text),
        Value::Array(items) => {
            let texts =
                items.into_iter().map(|item| if let Value::String(text) = item { Some(text) } else { None });
            texts.collect::<Option<_>>().map_or(PropertyInput::Other, PropertyInput::Texts)
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => PropertyInput::Other,
    }
}

/// The same refusal, of a field of this kind of event.
fn of_inbox(error: &Error) -> Error {
    let renamed = error.fields().iter().map(|violation| {
        let field = match violation.field.split_once('.') {
            Some((chat_properties::FIELD, key)) => format!("inbox.customProperties.{key}"),
            _ => format!("inbox.{}", violation.field),
        };
        FieldViolation::new(field, &violation.problem)
    });
    Error::invalid_fields(renamed.collect())
}

/// Looks up the members and properties that a batch names. Answers what may be stored, and the events that are refused.
pub(super) fn resolve<'a>(
    connection: &mut Connection,
    org: OrgId,
    told: &[(usize, SessionId, &'a Change)],
) -> StoreResult<(Vec<Told<'a>>, Refused)> {
    let inboxes: Vec<(usize, &'a ChatAddress, &'a Inbox)> = told
        .iter()
        .filter_map(|(place, _, change)| {
            if let Change::Inbox { chat, inbox } = change { Some((*place, chat, &**inbox)) } else { None }
        })
        .collect();
    if inboxes.is_empty() {
        return Ok((Vec::new(), Refused::new()));
    }
    let keys: BTreeSet<&str> = inboxes.iter().flat_map(|(_, _, inbox)| inbox.property_keys()).collect();
    let definitions = chat_properties::definitions(connection, org, &keys.into_iter().collect::<Vec<_>>())?;
    let named: BTreeSet<&str> = inboxes.iter().flat_map(|(_, _, inbox)| inbox.members()).collect();
    let members = stored_members::lock_existing(connection, org, &named.into_iter().collect::<Vec<_>>())?;

    let (mut allowed, mut refused) = (Vec::with_capacity(inboxes.len()), Refused::new());
    for (place, chat, inbox) in inboxes {
        let properties = inbox.check_members(&members).and_then(|()| {
            chat_properties::check(&definitions, &inbox.properties).map_err(|error| of_inbox(&error))
        });
        match properties {
            Ok(properties) => allowed.push(Told { chat, inbox, properties }),
            Err(error) => refused.push((place, error)),
        }
    }
    Ok((allowed, refused))
}

impl Inbox {
    fn property_keys(&self) -> impl Iterator<Item = &str> {
        // PostgreSQL cannot hold NUL, so no property is named with one.
        self.properties.keys().map(String::as_str).filter(|key| !key.contains('\0'))
    }

    fn members(&self) -> impl Iterator<Item = &str> {
        let assignee = if let Patch::Set(member) = &self.assignee { Some(member.as_str()) } else { None };
        self.access.keys().map(String::as_str).chain(assignee)
    }

    fn check_members(&self, known: &BTreeSet<String>) -> Result<()> {
        if let Patch::Set(member) = &self.assignee
            && !known.contains(member)
        {
            return Err(Error::invalid("inbox.assignedTo", NOT_A_MEMBER));
        }
        match self.access.keys().find(|member| !known.contains(*member)) {
            Some(member) => Err(Error::invalid(format!("inbox.access.{member}"), NOT_A_MEMBER)),
            None => Ok(()),
        }
    }
}

/// Writes what differs from what is stored.
pub(super) fn write(
    connection: &mut Connection,
    org: OrgId,
    told: &[Told<'_>],
    chats: &Chats,
    now: Instant,
) -> StoreResult<()> {
    let mut by_chat: BTreeMap<i64, Vec<&Told<'_>>> = BTreeMap::new();
    for told in told {
        by_chat.entry(chats.key(told.chat)?).or_default().push(told);
    }
    if by_chat.is_empty() {
        return Ok(());
    }
    let stored = rows::lock(connection, org, &by_chat.keys().copied().collect::<Vec<_>>())?;
    let mut changed = write_labels(connection, org, &by_chat)?;
    changed.extend(write_properties(connection, org, &by_chat)?);
    changed.extend(write_access(connection, org, &by_chat)?);

    let mut written = Vec::new();
    for before in stored {
        let Some(told) = by_chat.get(&before.chat_key) else { continue };
        let mut chat = before.clone();
        told.iter().for_each(|told| see(&mut chat, told.inbox));
        let said_at = told.iter().rev().find_map(|told| told.inbox.updated_at);
        chat.updated_at = if chat != before || changed.contains(&chat.chat_key) {
            said_at.unwrap_or(now)
        } else {
            chat.updated_at.max(said_at.unwrap_or(chat.updated_at))
        };
        if chat != before {
            written.push(chat);
        }
    }
    if written.is_empty() { Ok(()) } else { rows::update(connection, org, &written) }
}

fn see(chat: &mut Organized, inbox: &Inbox) {
    super::contacts::set(&mut chat.assignee, &inbox.assignee);
    super::contacts::set(&mut chat.closed_at, &inbox.closed_at);
    if let Some(known) = &inbox.hubspot_metadata {
        chat.hubspot_metadata = known.clone();
    }
}

type ByChat<'a> = BTreeMap<i64, Vec<&'a Told<'a>>>;

fn write_labels(connection: &mut Connection, org: OrgId, told: &ByChat<'_>) -> StoreResult<BTreeSet<i64>> {
    let lists: BTreeMap<i64, &[LabelName]> = told
        .iter()
        .filter_map(|(key, told)| {
            Some((*key, told.iter().rev().find_map(|told| told.inbox.labels.as_deref())?))
        })
        .collect();
    if lists.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names: BTreeMap<&str, &LabelName> =
        lists.values().copied().flatten().map(|label| (label.key.as_str(), label)).collect();
    let names: Vec<LabelName> = names.into_values().cloned().collect();
    let ids: BTreeMap<String, LabelId> = match names.as_slice() {
        [] => BTreeMap::new(),
        names => stored_labels::find_or_create_by_key(connection, org, names)?.into_iter().collect(),
    };
    let pairs = lists.iter().flat_map(|(key, labels)| labels.iter().map(move |label| (*key, &label.key)));
    let pairs: Vec<(i64, &LabelId)> = pairs.filter_map(|(key, label)| Some((key, ids.get(label)?))).collect();
    rows::replace_labels(connection, org, &lists.keys().copied().collect::<Vec<_>>(), &pairs)
}

fn write_properties(
    connection: &mut Connection,
    org: OrgId,
    told: &ByChat<'_>,
) -> StoreResult<BTreeSet<i64>> {
    let mut last = BTreeMap::new();
    for (key, told) in told {
        for told in told {
            last.extend(told.properties.set.iter().map(|(id, value)| ((*key, id.as_str()), Some(value))));
            last.extend(told.properties.removed.iter().map(|id| ((*key, id.as_str()), None)));
        }
    }
    let removed: Vec<(i64, &str)> =
        last.iter().filter(|(_, value)| value.is_none()).map(|(place, _)| *place).collect();
    let set: Vec<(i64, &str, &Value)> =
        last.into_iter().filter_map(|((key, id), value)| Some((key, id, value?))).collect();
    let mut changed = rows::remove_values(connection, org, &removed)?;
    changed.extend(rows::set_values(connection, org, &set)?);
    Ok(changed)
}

fn write_access(connection: &mut Connection, org: OrgId, told: &ByChat<'_>) -> StoreResult<BTreeSet<i64>> {
    let mut last = BTreeMap::new();
    for (key, told) in told {
        let said = told.iter().flat_map(|told| &told.inbox.access);
        last.extend(said.map(|(member, is_open)| ((*key, member.as_str()), *is_open)));
    }
    let access: Vec<(i64, &str, bool)> =
        last.into_iter().map(|((key, member), is_open)| (key, member, is_open)).collect();
    rows::set_access(connection, org, &access)
}
