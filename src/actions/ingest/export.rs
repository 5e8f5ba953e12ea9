//! Export: reads an organization as the events that recreate it elsewhere.
//!
//! Left out are api-keys, whose secrets are not stored, and history: audit logs and the marks of senders.

mod chats;
mod exporter;
mod messages;
mod versions;

use tokio::sync::mpsc;

use crate::actions::{orgs, sessions};
use crate::error::Result;
use crate::ids::{OrgId, SessionId};
use crate::pb::IngestEvent;
use crate::store::Store;
use crate::store::export as rows;
use exporter::Exporter;

/// What to export.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The organization.
    pub org: OrgId,
    /// The only session; `None` for all of them.
    pub session: Option<SessionId>,
}

/// Number of messages to export. Fails when the organization or the session does not exist.
pub async fn messages_in(store: &Store, scope: Scope) -> Result<u64> {
    orgs::require(store, scope.org).await?;
    let Scope { org, session } = scope;
    let (sessions, messages) = store
        .snapshot(move |connection| {
            let sessions = rows::sessions(connection, org, session)?.len();
            Ok((sessions, rows::count_messages(connection, org, session)?))
        })
        .await?;
    if session.is_some() && sessions == 0 {
        return Err(sessions::not_found());
    }
    Ok(u64::try_from(messages).unwrap_or_default())
}

/// Sends all events of one moment in chunks. Ends early when the receiver is dropped.
pub async fn export(store: &Store, scope: Scope, events: mpsc::Sender<Vec<IngestEvent>>) -> Result<()> {
    store.snapshot(move |connection| Exporter::new(scope.org, scope.session, events).run(connection)).await
}
