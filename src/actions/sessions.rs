//! Attaching an organization's numbers, each as one session.

use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, Phone, PhoneId, SessionId};
use crate::store::Store;
pub use crate::store::sessions::SessionRow;
use crate::store::sessions::{Insertion, NewSessionRow};

use super::{name, orgs};

/// A number to attach.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id; `None` for a new one.
    pub id: Option<SessionId>,
    /// The number.
    pub phone: Phone,
    /// Name given by the organization.
    pub label: Option<String>,
}

/// Attaches a number.
///
/// # Errors
///
/// When the number or the id is taken, when the organization does not exist.
pub async fn create(store: &Store, org: OrgId, new: NewSession) -> Result<SessionRow> {
    let row = NewSessionRow {
        session_id: new.id.unwrap_or_else(SessionId::generate),
        phone: new.phone,
        phone_id: PhoneId::generate(),
        label: new.label.as_deref().map(|label| name::checked("label", label)).transpose()?,
    };
    let write = move |connection: &mut _| {
        if !crate::store::orgs::exists(connection, org)? {
            return Err(orgs::not_found().into());
        }
        crate::store::sessions::insert(connection, org, &row)
    };
    match store.write(org, write).await? {
        Insertion::Done(session) => Ok(session),
        Insertion::PhoneTaken => Err(Error::new(Kind::Conflict, "the organization has this number already")),
        Insertion::Taken => {
            Err(Error::new(Kind::Conflict, "the organization has a session with this id already"))
        }
    }
}

/// The organization's sessions, oldest first.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<SessionRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| crate::store::sessions::list(connection, org)).await
}
