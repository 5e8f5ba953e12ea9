//! The session of a new connection.

use super::model::{ConnectionScope, Line};
use crate::actions::{orgs, sessions as actions};
use crate::error::{Error, Kind};
use crate::ids::{OrgId, Phone, PhoneId, PhoneSelector, SessionId};
use crate::store::sessions::{self, Insertion, NewSessionRow, SessionRow};
use crate::store::{StoreResult, Transaction};

/// The session, which is attached first if it is named by a number that is not yet.
pub(super) fn session_of(
    tx: &mut Transaction<'_>,
    scope: &ConnectionScope,
    line: &Line,
) -> StoreResult<SessionRow> {
    let (org, allowed) = (scope.org, scope.sessions.as_deref());
    let id = match line {
        Line::Session(id) => Some(*id),
        Line::Phone(phone) => {
            let selector = PhoneSelector::Phone(phone.clone());
            sessions::find_by_phone(tx, org, &selector, None)?.first().copied()
        }
    };
    let is_allowed = |id: &SessionId| allowed.is_none_or(|allowed| allowed.contains(id));
    match (id.filter(is_allowed), line) {
        (Some(id), _) => sessions::find(tx, org, id)?.ok_or_else(|| actions::not_found().into()),
        (None, Line::Session(_)) => Err(actions::not_found().into()),
        (None, Line::Phone(_)) if allowed.is_some() => {
            Err(Error::new(Kind::Forbidden, "a key that is limited to some sessions cannot attach a number")
                .into())
        }
        (None, Line::Phone(phone)) => attach(tx, org, phone),
    }
}

fn attach(tx: &mut Transaction<'_>, org: OrgId, phone: &Phone) -> StoreResult<SessionRow> {
    orgs::check_exists(tx, org)?;
    let new = NewSessionRow {
        session_id: SessionId::generate(),
        phone: phone.clone(),
        phone_id: PhoneId::generate(),
        label: None,
    };
    match sessions::insert(tx, org, &new)? {
        Insertion::Inserted(session) => Ok(session),
        Insertion::PhoneTaken | Insertion::IdTaken => {
            Err(Error::new(Kind::Conflict, "another request attaches the number").into())
        }
    }
}
