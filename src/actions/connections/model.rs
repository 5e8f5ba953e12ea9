//! What callers say of a connection.

use std::sync::Arc;

use crate::actions::credentials;
use crate::caller::Caller;
use crate::ids::{ConnectionId, OrgId, Phone, SessionId};
use crate::patch::Patch;
use crate::store::{Connection, StoreResult};

/// The organization and the sessions whose connections a caller may manage.
#[derive(Clone, Debug)]
pub struct ConnectionScope {
    /// The organization.
    pub org: OrgId,
    /// The sessions; `None` for all.
    pub sessions: Option<Arc<[SessionId]>>,
    /// The caller; `None` for an operator.
    caller: Option<Arc<Caller>>,
}

impl ConnectionScope {
    /// All connections of the organization, for an operator at the command line.
    pub const fn operator(org: OrgId) -> Self {
        Self { org, sessions: None, caller: None }
    }

    /// Checks that the caller's credential is still accepted.
    pub(super) fn recheck(&self, connection: &mut Connection) -> StoreResult<()> {
        self.caller.iter().try_for_each(|caller| credentials::recheck(connection, caller).map(drop))
    }
}

/// The session of a new connection.
#[derive(Clone, Debug)]
pub enum Line {
    /// An attached session.
    Session(SessionId),
    /// The session of a phone number, which is attached if it is not yet.
    Phone(Phone),
}

/// A connection to create.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// An id that everybody may know, for a kind without webhooks: the demo's. `None` for a random one, which nobody can guess.
    pub published_id: Option<ConnectionId>,
    /// The kind of gateway.
    pub kind: String,
    /// The session.
    pub line: Line,
    /// Whether the connection is used.
    pub enabled: bool,
    /// Settings and secrets; what is not set has the default of the kind.
    pub settings: ConnectionChange,
}

/// A change of a connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChange {
    /// Base URL of the gateway; cleared for the default of the kind.
    pub url: Patch<String>,
    /// The gateway's name of the line; cleared for the default of the kind.
    pub account: Patch<String>,
    /// The WhatsApp Business Account.
    pub business_account: Patch<String>,
    /// Whether the connection is used; it cannot be cleared.
    pub enabled: Patch<bool>,
    /// Whether the service sets the webhook at the gateway; it cannot be cleared.
    pub sets_webhook: Patch<bool>,
    /// Requests a minute that read history; cleared for the default.
    pub sync_budget: Patch<i32>,
    /// Messages sent a minute; cleared for no limit.
    pub sends_per_minute: Patch<i32>,
    /// The key of the gateway's API, if it is new.
    pub api_key: Option<String>,
    /// The key of webhook signatures, if it is new.
    pub webhook_secret: Option<String>,
    /// The token of verification requests, if it is new.
    pub verify_token: Option<String>,
}

impl From<Arc<Caller>> for ConnectionScope {
    fn from(caller: Arc<Caller>) -> Self {
        Self { org: caller.org, sessions: caller.sessions.clone(), caller: Some(caller) }
    }
}
