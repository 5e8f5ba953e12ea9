//! Resolves the sessions that events name, and plans their tx status.

use std::collections::{BTreeMap, HashMap};

use super::context::Context;
use crate::actions::ingest::change::{Change, SessionEvent, SessionName, StatusChange};
use crate::actions::ingest::scope::SessionScope;
use crate::actions::ingest::transaction::Rejections;
use crate::error::Error;
use crate::ids::SessionId;
use crate::store::ingest::{self as rows, SessionStatus};
use crate::store::{StoreResult, Transaction};

/// Events with their index and session, and rejections of the events whose session does not exist.
pub(crate) type Resolved<'a> = (Vec<(usize, SessionId, &'a Change)>, Rejections);

/// Finds the session of each event.
pub(crate) fn resolve<'a>(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &'a [(usize, SessionEvent)],
) -> StoreResult<Resolved<'a>> {
    let (mut ids, mut phones, mut phone_ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut sessions: HashMap<SessionName, Option<SessionId>> = HashMap::new();
    for (_, event) in events {
        if sessions.insert(event.session.clone(), None).is_none() {
            match &event.session {
                SessionName::Id(id) => ids.push(*id),
                SessionName::Phone(phone) => phones.push(phone.clone()),
                SessionName::PhoneId(id) => phone_ids.push(id.clone()),
            }
        }
    }
    let found = rows::sessions_by_name(tx, scope.org, &ids, &phones, &phone_ids)?;
    for found in found.into_iter().filter(|found| scope.contains(found.session)) {
        sessions.insert(SessionName::Id(found.session), Some(found.session));
        sessions.insert(SessionName::Phone(found.phone), Some(found.session));
        sessions.insert(SessionName::PhoneId(found.phone_id), Some(found.session));
    }
    let (mut changes, mut rejections) = (Vec::with_capacity(events.len()), Rejections::new());
    for (index, event) in events {
        match sessions.get(&event.session).copied().flatten() {
            Some(session) => changes.push((*index, session, &event.change)),
            None => {
                let error = Error::not_found("session not found");
                let problem = "must be a session of the organization that the key may use";
                rejections.push((*index, error.with_field("session", problem)));
            }
        }
    }
    Ok((changes, rejections))
}

/// Keeps the newest status of each session.
pub(super) fn write_statuses(tx: &mut Transaction<'_>, context: &Context<'_>) -> StoreResult<()> {
    let mut changes: BTreeMap<SessionId, Vec<&StatusChange>> = BTreeMap::new();
    for (session, change) in &context.changes {
        if let Change::Status(status) = change {
            changes.entry(*session).or_default().push(status);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<SessionId> = changes.keys().copied().collect();
    let stored = rows::lock_session_statuses(tx, context.org, &ids)?;
    let changed = stored.into_iter().filter_map(|stored| {
        let mut session = stored.clone();
        changes[&stored.session].iter().for_each(|change| apply(&mut session, change));
        (session != stored).then_some(session)
    });
    let changed: Vec<SessionStatus> = changed.collect();
    match changed.is_empty() {
        true => Ok(()),
        false => rows::update_statuses(tx, context.org, &changed, context.now),
    }
}

fn apply(session: &mut SessionStatus, change: &StatusChange) {
    // Of two at the same instant the greater word wins, in whichever order they arrive.
    let current = session.status.as_str();
    if session.status_at.is_none_or(|at| (change.at, change.status.as_str()) > (at, current)) {
        session.status = change.status.clone();
        session.status_at = Some(change.at);
    }
    if change.status == "connected" {
        session.last_connected_at = session.last_connected_at.max(Some(change.at));
    }
}
