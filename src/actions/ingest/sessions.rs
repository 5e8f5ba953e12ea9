//! The sessions events come from, and their connection status.

use std::collections::{BTreeMap, HashMap};

use super::check::{Change, Checked, SessionName};
use super::event::{ConnectionStatus, StatusEvent};
use super::{Refused, SessionScope};
use crate::error::Error;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, SessionStatus};
use crate::store::{Connection, StoreResult};

/// The events whose session exists, by their place in the batch, and those that are refused because it does not.
pub(super) type Resolved<'a> = (Vec<(usize, SessionId, &'a Change)>, Refused);

/// Finds the session of each event.
pub(super) fn resolve<'a>(
    connection: &mut Connection,
    reach: &SessionScope,
    events: &'a [(usize, Checked)],
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
    let found = rows::sessions_by_name(connection, reach.org, &ids, &phones, &phone_ids)?;
    for found in found.into_iter().filter(|found| reach.contains(found.session)) {
        sessions.insert(SessionName::Id(found.session), Some(found.session));
        sessions.insert(SessionName::Phone(found.phone), Some(found.session));
        sessions.insert(SessionName::PhoneId(found.phone_id), Some(found.session));
    }
    let (mut changes, mut refused) = (Vec::with_capacity(events.len()), Vec::new());
    for (place, event) in events {
        match sessions.get(&event.session).copied().flatten() {
            Some(session) => changes.push((*place, session, &event.change)),
            None => refused.push((
                *place,
                Error::not_found("session not found")
                    .with_field("session", "is not a session of the organization"),
            )),
        }
    }
    Ok((changes, refused))
}

/// Keeps the newest status of each session.
pub(super) fn write_statuses(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    now: Instant,
) -> StoreResult<()> {
    let mut told: BTreeMap<SessionId, Vec<&StatusEvent>> = BTreeMap::new();
    for (session, change) in changes {
        if let Change::Status(status) = change {
            told.entry(*session).or_default().push(status);
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    let ids: Vec<SessionId> = told.keys().copied().collect();
    let stored = rows::lock_session_statuses(connection, org, &ids)?;
    let changed: Vec<SessionStatus> = stored
        .into_iter()
        .filter_map(|stored| {
            let mut session = stored.clone();
            told[&stored.session].iter().for_each(|status| see(&mut session, status));
            (session != stored).then_some(session)
        })
        .collect();
    if changed.is_empty() { Ok(()) } else { rows::update_statuses(connection, org, &changed, now) }
}

fn see(session: &mut SessionStatus, event: &StatusEvent) {
    let status = match event.status {
        ConnectionStatus::Disconnected => "disconnected",
        ConnectionStatus::Connecting => "connecting",
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::LoggedOut => "logged_out",
    };
    // Of two at the same instant the greater word stays, whichever comes first.
    let is_newer = session.status_at.is_none_or(|at| (event.at, status) > (at, session.status.as_str()));
    if is_newer {
        session.status = status.to_owned();
        session.status_at = Some(event.at);
    }
    if event.status == ConnectionStatus::Connected {
        session.last_connected_at = session.last_connected_at.max(Some(event.at));
    }
}
