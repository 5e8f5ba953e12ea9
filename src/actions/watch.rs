//! Watching chats: validates a watch request and starts a subscriber.

mod feeds;
mod filter;
mod lag;
mod notifications;
mod position;
mod publisher;
mod subscriber;

use std::sync::Arc;

use tokio::sync::mpsc;

use self::filter::Filter;
pub use self::publisher::Publisher;
pub use self::subscriber::WatchMessage;
use self::subscriber::{BUFFER, Subscriber};
use super::audit::check_kind;
use super::sessions::{self, check_reach};
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{LabelId, OrgId, PhoneSelector, SessionId};
use crate::store::{Connection, StoreResult, labels, sessions as stored_sessions};
use crate::text_key::text_key;

/// Selects the events of a watch.
#[derive(Clone, Debug, Default)]
pub struct WatchRequest {
    /// Only chats of this phone number; `None` for all that the caller may access.
    pub number: Option<PhoneSelector>,
    /// Only chats of this session.
    pub session: Option<SessionId>,
    /// Only chats with this label, by id or name.
    pub label: Option<String>,
    /// Only chats assigned to the member with this email.
    pub assigned_to: Option<String>,
    /// Only these kinds of change event; empty selects all.
    pub actions: Vec<String>,
    /// The position after which to start; empty for now.
    pub resume_token: String,
}

/// The messages of a watch. It ends with an error that states the reason.
pub type WatchStream = mpsc::Receiver<Result<WatchMessage>>;

/// Starts a watch, which lasts at most as long as the caller's credential is valid.
pub async fn watch(
    publisher: &Arc<Publisher>,
    caller: Arc<Caller>,
    credential_check: CredentialCheck,
    request: WatchRequest,
) -> Result<WatchStream> {
    let WatchRequest { number, session, label, assigned_to, actions, resume_token } = request;
    for action in &actions {
        check_kind("actions", Some(action))?;
    }
    let label = label.as_deref().map(label_key).transpose()?;
    let start = publisher.open_token(caller.org, &resume_token)?;
    if let Some(session) = session {
        check_reach(&caller, session)?;
    }
    let (org, allowed) = (caller.org, caller.sessions.clone());
    let find = move |connection: &mut Connection| {
        let sessions = find_sessions(connection, org, session, number.as_ref(), allowed.clone())?;
        let label = match &label {
            Some((id, key)) => {
                let found = labels::id_of(connection, org, id, key)?;
                Some(found.ok_or_else(unknown_label)?)
            }
            None => None,
        };
        Ok((sessions, label))
    };
    let (sessions, label): (_, Option<LabelId>) = publisher.store().read(find).await?;
    let assignee = assigned_to.as_deref().map(text_key);
    let filter = Filter {
        sessions,
        viewer: caller.viewer(),
        claimant: caller.claimant.clone(),
        label,
        assignee,
        kinds: actions,
    };
    let subscription = publisher.subscribe(caller.org, start).await?;
    let (sender, stream) = mpsc::channel(BUFFER);
    let subscriber =
        Subscriber { publisher: Arc::clone(publisher), caller, credential_check, filter, sender };
    tokio::spawn(subscriber.run(subscription));
    Ok(stream)
}

/// The sessions whose chats are watched; `None` for all.
fn find_sessions(
    connection: &mut Connection,
    org: OrgId,
    session: Option<SessionId>,
    number: Option<&PhoneSelector>,
    allowed: Option<Arc<[SessionId]>>,
) -> StoreResult<Option<Arc<[SessionId]>>> {
    match (number, session) {
        (_, Some(session)) => {
            stored_sessions::find(connection, org, session)?.ok_or_else(sessions::not_found)?;
            Ok(Some(Arc::from([session])))
        }
        (Some(number), None) => {
            let found = stored_sessions::find_by_phone(connection, org, number, allowed.as_deref())?;
            if found.is_empty() { Err(Error::not_found("phone not found").into()) } else { Ok(Some(found)) }
        }
        (None, None) => Ok(allowed),
    }
}

/// A label's id or name in the forms in which they are compared.
fn label_key(text: &str) -> Result<(String, String)> {
    // PostgreSQL cannot store NUL.
    if text.contains('\0') {
        return Err(unknown_label());
    }
    Ok((text.to_owned(), text_key(text.trim())))
}

fn unknown_label() -> Error {
    Error::invalid("label", "must be a label of the organization")
}
