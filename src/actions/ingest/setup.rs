//! Records of the organization itself: sessions, members, labels, properties.
//!
//! Missing ones are added, existing ones stay as they are: these events move an organization, and their own RPCs change it.

use super::scope::SessionScope;
use super::transaction::Rejections;
use crate::store::ingest::setup::{self as rows, NewLabel, NewMember, NewProperty, NewSession};
use crate::store::{StoreResult, Transaction};

/// A record to add.
pub(super) enum Setup {
    Session(NewSession),
    Member(NewMember),
    Label(NewLabel),
    Property(NewProperty),
}

/// Adds the missing records in one transaction.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &[(usize, Setup)],
) -> StoreResult<Rejections> {
    let (mut sessions, mut members, mut labels, mut properties) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (_, event) in events {
        match event {
            Setup::Session(session) => sessions.push(session),
            Setup::Member(member) => members.push(member),
            Setup::Label(label) => labels.push(label),
            Setup::Property(property) => properties.push(property),
        }
    }
    rows::add_sessions(tx, scope.org, &sessions)?;
    rows::add_members(tx, scope.org, &members)?;
    rows::add_labels(tx, scope.org, &labels)?;
    rows::add_properties(tx, scope.org, &properties)?;
    Ok(Rejections::new())
}
