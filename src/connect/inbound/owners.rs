//! The connections that the events of a request belong to.
//!
//! A request proves that its sender has one webhook secret. So it reaches, besides the connection that received it, only
//! connections with the same secret: those of the same app or server.

use crate::config::Secret;
use crate::connect::gateway::RawEvent;
use crate::connect::kinds::Kinds;
use crate::ids::ConnectionId;
use crate::store::connections::{self, ConnectionRow};
use crate::store::{Connection, StoreResult};

/// Whose an event is, as its gateway names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Account {
    /// The line of the connection that received it.
    Own,
    /// The line of this account.
    Line(String),
    /// All lines of this business account.
    Business(String),
}

/// The connection that received an authentic request.
pub(super) struct Receiver {
    pub(super) id: ConnectionId,
    pub(super) kind: &'static str,
    pub(super) url: String,
    /// The secret under which the request is signed.
    pub(super) secret: Secret,
}

impl Account {
    pub(super) fn of(event: &RawEvent) -> Self {
        match (&event.business_account, &event.account) {
            (Some(account), _) => Self::Business(account.clone()),
            (None, Some(account)) => Self::Line(account.clone()),
            (None, None) => Self::Own,
        }
    }
}

impl Receiver {
    /// The connections of an account; the receiving one if there are none.
    pub(super) fn owners(
        &self,
        connection: &mut Connection,
        kinds: &Kinds,
        account: &Account,
    ) -> StoreResult<Vec<ConnectionId>> {
        let org = self.id.org();
        let mut rows = match account {
            Account::Own => return Ok(vec![self.id.clone()]),
            Account::Line(account) => connections::of_account(connection, org, self.kind, account)?,
            Account::Business(account) => {
                connections::of_business_account(connection, org, self.kind, account)?
            }
        };
        rows.retain(|row| self.has_same_secret(kinds, row));
        if matches!(account, Account::Line(_)) {
            // Lines of several servers may have the same name.
            rows.sort_by_key(|row| row.url != self.url);
            rows.truncate(1);
        }
        let owners: Vec<_> = rows.into_iter().map(|row| row.connection_id).collect();
        Ok(if owners.is_empty() { vec![self.id.clone()] } else { owners })
    }

    /// Whether webhooks of that connection are signed under the same secret. One whose signing key was removed has none.
    fn has_same_secret(&self, kinds: &Kinds, row: &ConnectionRow) -> bool {
        kinds.secrets(row).is_ok_and(|secrets| secrets.webhook_secret.expose() == self.secret.expose())
    }
}
