//! Watching chats change: what is watched, and where a watch is taken up again.

mod hub;
mod settling;
mod wake;
mod watcher;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use self::hub::Publisher;
pub(super) use self::settling::Settling;
use super::audit::check_kind;
use super::sessions::{self, check_reach};
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{LabelId, PhoneSelector, SessionId};
use crate::store::events::{ChangeEvent, RoutableEvent};
use crate::store::{labels, sessions as stored_sessions};
use crate::text_key::text_key;

/// What is asked to be watched.
#[derive(Clone, Debug, Default)]
pub struct WatchRequest {
    /// Only chats of this number; `None` for all that the caller reaches.
    pub number: Option<PhoneSelector>,
    /// Only chats of this session.
    pub session: Option<SessionId>,
    /// Only chats with this label, by id or name.
    pub label: Option<String>,
    /// Only chats assigned to the member with this email.
    pub assigned_to: Option<String>,
    /// Only changes of these kinds; of all when empty.
    pub actions: Vec<String>,
    /// Where an earlier watch ended; empty to begin now.
    pub resume_token: String,
}

/// What a watcher is told.
#[derive(Clone, Debug)]
pub struct WatchMessage {
    /// What changed; `None` when the watcher is only told that it is still watching, and from where on.
    pub change: Option<Arc<RoutableEvent>>,
    /// Begins a watch after this.
    pub resume_token: Arc<str>,
}

/// What a watcher is told, until an error says why there is no more.
pub type WatchStream = mpsc::Receiver<Result<WatchMessage>>;

/// Publisher what the caller may see of it, for as long as the caller may.
pub async fn watch(
    watches: &Publisher,
    caller: Arc<Caller>,
    credential_check: CredentialCheck,
    asked: WatchRequest,
) -> Result<WatchStream> {
    for action in &asked.actions {
        check_kind("actions", Some(action))?;
    }
    let label = asked.label.as_deref().map(label_key).transpose()?;
    let begin = watches.position(caller.org, &asked.resume_token)?;
    if let Some(session) = asked.session {
        check_reach(&caller, session)?;
    }
    let (org, reachable) = (caller.org, caller.sessions.clone());
    let (number, session) = (asked.number, asked.session);
    let find = move |connection: &mut _| {
        let reachable = match (&number, session) {
            (_, Some(session)) => {
                stored_sessions::find(connection, org, session)?.ok_or_else(sessions::not_found)?;
                Some(Arc::from([session]))
            }
            (Some(number), None) => {
                let found = stored_sessions::find_by_phone(connection, org, number, reachable.as_deref())?;
                if found.is_empty() {
                    return Err(Error::not_found("number not found").into());
                }
                Some(found)
            }
            (None, None) => reachable,
        };
        let label = match &label {
            Some((id, key)) => {
                let found = labels::id_of(connection, org, id, key)?;
                Some(found.ok_or_else(|| Error::invalid("label", "must be a label of the organization"))?)
            }
            None => None,
        };
        Ok((reachable, label))
    };
    let (reachable, label) = watches.store().read(find).await?;
    let assignee = asked.assigned_to.as_deref().map(text_key);
    let filter = Filter { reachable, label, assignee, kinds: asked.actions };
    watches.begin(Viewer { caller, credential_check, filter }, begin).await
}

/// A label's id or name, as both are compared.
fn label_key(text: &str) -> Result<(String, String)> {
    // PostgreSQL cannot hold NUL, so no label has one.
    if text.contains('\0') {
        return Err(Error::invalid("label", "must be a label of the organization"));
    }
    Ok((text.to_owned(), text_key(text.trim())))
}

/// Who watches, and what of.
struct Viewer {
    caller: Arc<Caller>,
    credential_check: CredentialCheck,
    filter: Filter,
}

/// What a watcher is told of.
#[derive(Clone, Debug, Default)]
struct Filter {
    /// The only sessions whose chats it sees; `None` for all of the organization's.
    reachable: Option<Arc<[SessionId]>>,
    label: Option<LabelId>,
    /// The email in the form it is compared in.
    assignee: Option<String>,
    /// All when empty.
    kinds: Vec<String>,
}

impl Filter {
    fn passes(&self, watched: &RoutableEvent) -> bool {
        let event = &watched.event;
        let is_reachable = match (&self.reachable, event.session_id) {
            (None, _) => true,
            (Some(reachable), Some(session)) => reachable.contains(&session),
            (Some(reachable), None) => watched.held_by.iter().any(|session| reachable.contains(session)),
        };
        is_reachable
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && self.label.as_ref().is_none_or(|label| has_label(watched, label.as_str()))
            && self.assignee.as_ref().is_none_or(|assignee| is_assigned(watched, assignee))
    }
}

/// Whether the chat has the label, or the change is about it: whoever watches a label sees it go.
fn has_label(watched: &RoutableEvent, label: &str) -> bool {
    let is_this = |field: &String| field.strip_prefix("labels.") == Some(label);
    watched.label_ids.iter().any(|id| id == label) || watched.event.changes.0.keys().any(is_this)
}

/// Whether the chat is assigned to the member, or was until the change.
fn is_assigned(watched: &RoutableEvent, assignee: &str) -> bool {
    let is_this = |email: &str| text_key(email) == assignee;
    watched.assigned_to.as_deref().is_some_and(is_this) || emails(&watched.event).any(is_this)
}

/// The emails before and after a change of the assignee.
fn emails(event: &ChangeEvent) -> impl Iterator<Item = &str> {
    let values =
        event.changes.0.get("assignee").into_iter().flat_map(|(previous, current)| [previous, current]);
    values.filter_map(|value| match &value.0.kind {
        Some(prost_types::value::Kind::StringValue(email)) => Some(email.as_str()),
        _ => None,
    })
}
