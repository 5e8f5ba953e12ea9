//! The session of a new connection, and the line of a connection.

use super::kind_rules::KindRules;
use super::model::{ConnectionScope, Line};
use crate::actions::{orgs, sessions as actions};
use crate::error::{Error, Kind};
use crate::ids::{ConnectionId, OrgId, Phone, PhoneId, PhoneSelector, SessionId};
use crate::store::sessions::{self, Insertion, NewSessionRow, SessionRow};
use crate::store::{StoreResult, Transaction, connections};

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

/// Checks that no other enabled connection has the line, whose events would be those of either.
///
/// # Errors
///
/// CONFLICT when another one has it.
pub(super) fn check_line(
    tx: &mut Transaction<'_>,
    org: OrgId,
    rules: &KindRules,
    (id, url, account): (&ConnectionId, &str, &str),
    enabled: bool,
) -> StoreResult<()> {
    if !enabled || account.is_empty() {
        return Ok(());
    }
    // Another connection may be about to get the account.
    orgs::lock(tx, org)?;
    let rows = connections::of_account(tx, org, rules.name, account)?;
    let is_same_line = |url_of_row: &str| rules.account_is_unique || url_of_row == url;
    match rows.iter().any(|row| row.connection_id != *id && is_same_line(&row.url)) {
        true => Err(Error::new(Kind::Conflict, "another connection has the account").into()),
        false => Ok(()),
    }
}
