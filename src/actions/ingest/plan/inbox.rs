//! Plans the organization's own data of chats: assignee, labels, custom properties, access.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::chats::Chats;
use super::context::Context;
use crate::actions::chat_properties::{self, Changes};
use crate::actions::ingest::change::{Change, InboxChange};
use crate::actions::ingest::transaction::Rejections;
use crate::error::{Error, FieldViolation, Kind, Result};
use crate::ids::{ChatAddress, LabelId, OrgId, SessionId};
use crate::patch::Patch;
use crate::store::ingest::Changed;
use crate::store::ingest::inbox::{self as rows, InboxRow};
use crate::store::labels::{self as stored_labels, LabelName};
use crate::store::{
    StoreResult, Transaction, chat_access, chat_labels, chat_properties as stored_properties,
    members as stored_members, notes,
};

const NOT_SHARED: &str = "must be a chat that not only this key reported, since other sessions share it";
const NOT_A_MEMBER: &str = "must be the email of a member of the organization";

/// An inbox change whose members exist, with its properties resolved.
pub(super) struct ResolvedInbox<'c> {
    chat: &'c ChatAddress,
    inbox: &'c InboxChange,
    properties: Changes,
}

/// Looks up the members and properties that a batch names, and rejects events that name unknown ones, or chats that the key
/// only claims.
pub(super) fn resolve<'c>(
    tx: &mut Transaction<'_>,
    org: OrgId,
    changes: &[(usize, SessionId, &'c Change)],
    claimed: &BTreeSet<ChatAddress>,
) -> StoreResult<(Vec<ResolvedInbox<'c>>, Rejections)> {
    let inboxes = changes.iter().filter_map(|(index, _, change)| {
        if let Change::Inbox { chat, inbox } = change { Some((*index, chat, &**inbox)) } else { None }
    });
    let inboxes: Vec<(usize, &'c ChatAddress, &'c InboxChange)> = inboxes.collect();
    if inboxes.is_empty() {
        return Ok((Vec::new(), Rejections::new()));
    }
    // PostgreSQL cannot store U+0000, so no property has it in its name.
    let keys = inboxes.iter().flat_map(|(.., inbox)| inbox.properties.keys().map(String::as_str));
    let keys: BTreeSet<&str> = keys.filter(|key| !key.contains('\0')).collect();
    let definitions = chat_properties::definitions(tx, org, &keys.into_iter().collect::<Vec<_>>())?;
    let named: BTreeSet<&str> = inboxes.iter().flat_map(|(.., inbox)| members(inbox)).collect();
    let members = stored_members::lock_existing(tx, org, &named.into_iter().collect::<Vec<_>>())?;

    let (mut resolved, mut rejections) = (Vec::with_capacity(inboxes.len()), Rejections::new());
    for (index, chat, inbox) in inboxes {
        if claimed.contains(chat) {
            let error = Error::new(Kind::Forbidden, format!("inbox.chat {NOT_SHARED}"));
            rejections.push((index, error.with_field("inbox.chat", NOT_SHARED)));
            continue;
        }
        let properties = check_members(inbox, &members).and_then(|()| {
            chat_properties::check(&definitions, &inbox.properties).map_err(|error| under_inbox(&error))
        });
        match properties {
            Ok(properties) => resolved.push(ResolvedInbox { chat, inbox, properties }),
            Err(error) => rejections.push((index, error)),
        }
    }
    Ok((resolved, rejections))
}

fn members(inbox: &InboxChange) -> impl Iterator<Item = &str> {
    let assignee = if let Patch::Set(member) = &inbox.assignee { Some(member.as_str()) } else { None };
    inbox.access.keys().map(String::as_str).chain(assignee)
}

fn check_members(inbox: &InboxChange, known: &BTreeSet<String>) -> Result<()> {
    if let Patch::Set(member) = &inbox.assignee
        && !known.contains(member)
    {
        return Err(Error::invalid("inbox.assignedTo", NOT_A_MEMBER));
    }
    match inbox.access.keys().find(|member| !known.contains(*member)) {
        Some(member) => Err(Error::invalid(format!("inbox.access.{member}"), NOT_A_MEMBER)),
        None => Ok(()),
    }
}

/// The same error with the fields of this kind of event.
fn under_inbox(error: &Error) -> Error {
    let renamed = error.fields().iter().map(|violation| {
        let field = match violation.field.split_once('.') {
            Some((chat_properties::FIELD, key)) => format!("inbox.customProperties.{key}"),
            _ => format!("inbox.{}", violation.field),
        };
        FieldViolation::new(field, &violation.problem)
    });
    Error::invalid_fields(renamed.collect())
}

type ByChat<'c> = BTreeMap<i64, Vec<&'c ResolvedInbox<'c>>>;

/// Writes what differs from the stored rows.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    inboxes: &[ResolvedInbox<'_>],
    chats: &mut Chats,
) -> StoreResult<()> {
    let mut by_chat = ByChat::new();
    for inbox in inboxes {
        if let Some(chat_key) = chats.find(inbox.chat) {
            by_chat.entry(chat_key).or_default().push(inbox);
        }
    }
    if by_chat.is_empty() {
        return Ok(());
    }
    let stored = rows::lock(tx, context.org, &by_chat.keys().copied().collect::<Vec<_>>())?;
    let mut with_other_data = write_labels(tx, context.org, &by_chat)?;
    with_other_data.extend(write_properties(tx, &by_chat)?);
    with_other_data.extend(write_access(tx, &by_chat)?);
    let notes = by_chat.iter().flat_map(|(key, inboxes)| {
        inboxes.iter().flat_map(|resolved| &resolved.inbox.notes).map(move |note| (*key, note))
    });
    notes::import(tx, &notes.collect::<Vec<_>>())?;

    let mut changed = Vec::new();
    for before in stored {
        let Some(inboxes) = by_chat.get(&before.chat_key) else { continue };
        let mut chat = before.clone();
        inboxes.iter().for_each(|resolved| apply(&mut chat, resolved.inbox));
        let given = inboxes.iter().filter_map(|resolved| resolved.inbox.updated_at).max();
        let newest = context.reported(given, 0);
        let is_changed = chat != before || with_other_data.contains(&chat.chat_key);
        chat.updated_at = chats.updated_at((chat.chat_key, chat.updated_at), newest, is_changed);
        changed.extend(Changed::new(before, chat));
    }
    if changed.is_empty() { Ok(()) } else { rows::update(tx, &changed) }
}

fn apply(chat: &mut InboxRow, inbox: &InboxChange) {
    inbox.assignee.apply(&mut chat.assignee);
    inbox.closed_at.apply(&mut chat.closed_at);
    if let Some(metadata) = &inbox.hubspot_metadata {
        chat.hubspot_metadata = metadata.clone();
    }
}

fn write_labels(tx: &mut Transaction<'_>, org: OrgId, by_chat: &ByChat<'_>) -> StoreResult<BTreeSet<i64>> {
    let lists = by_chat.iter().filter_map(|(key, inboxes)| {
        let labels = inboxes.iter().rev().find_map(|resolved| resolved.inbox.labels.as_deref());
        Some((*key, labels?))
    });
    let lists: BTreeMap<i64, &[LabelName]> = lists.collect();
    if lists.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names: BTreeMap<&str, &LabelName> =
        lists.values().copied().flatten().map(|label| (label.key.as_str(), label)).collect();
    let names: Vec<LabelName> = names.into_values().cloned().collect();
    let ids: BTreeMap<String, LabelId> = match names.as_slice() {
        [] => BTreeMap::new(),
        names => stored_labels::find_or_create_by_key(tx, org, names)?.into_iter().collect(),
    };
    let pairs = lists.iter().flat_map(|(key, labels)| labels.iter().map(move |label| (*key, &label.key)));
    let pairs: Vec<(i64, &LabelId)> = pairs.filter_map(|(key, label)| Some((key, ids.get(label)?))).collect();
    chat_labels::replace(tx, &lists.keys().copied().collect::<Vec<_>>(), &pairs)
}

fn write_properties(tx: &mut Transaction<'_>, by_chat: &ByChat<'_>) -> StoreResult<BTreeSet<i64>> {
    // The last value of each chat and property; `None` removes it.
    let mut values = BTreeMap::new();
    for (key, inboxes) in by_chat {
        for ResolvedInbox { properties, .. } in inboxes {
            values.extend(properties.set.iter().map(|(id, value)| ((*key, id.as_str()), Some(value))));
            values.extend(properties.removed.iter().map(|id| ((*key, id.as_str()), None)));
        }
    }
    let removed: Vec<(i64, &str)> =
        values.iter().filter(|(_, value)| value.is_none()).map(|(place, _)| *place).collect();
    let set: Vec<(i64, &str, &Value)> =
        values.into_iter().filter_map(|((key, id), value)| Some((key, id, value?))).collect();
    let mut changed = stored_properties::remove(tx, &removed)?;
    changed.extend(stored_properties::set(tx, &set)?);
    Ok(changed)
}

fn write_access(tx: &mut Transaction<'_>, by_chat: &ByChat<'_>) -> StoreResult<BTreeSet<i64>> {
    let mut last = BTreeMap::new();
    for (key, inboxes) in by_chat {
        let access = inboxes.iter().flat_map(|resolved| &resolved.inbox.access);
        last.extend(access.map(|(member, is_open)| ((*key, member.as_str()), *is_open)));
    }
    let access: Vec<(i64, &str, bool)> =
        last.into_iter().map(|((key, member), is_open)| (key, member, is_open)).collect();
    if access.is_empty() { Ok(BTreeSet::new()) } else { chat_access::set(tx, &access) }
}
