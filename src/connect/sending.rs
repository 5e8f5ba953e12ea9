//! What the connections of sessions can send, before anything is stored.

use std::sync::Arc;

use super::kinds::{self, Kinds};
use super::outbox::content as content_of;
use super::wakes::Wakes;
use crate::actions::sends::{Rules, SendContent, SendRules, new_message_id, no_connection, unsupported};
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::{Connection, Store, StoreResult, connections};

/// The rules of the kinds of gateways, and the connections that this process serves.
struct KindRules(Kinds, Wakes);

/// The rules of the kinds of gateways. A new send wakes its outbox in this process; other processes poll.
pub fn rules(kinds: Kinds, wakes: Wakes) -> Rules {
    Arc::new(KindRules(kinds, wakes))
}

impl SendRules for KindRules {
    fn check(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        session: SessionId,
        content: &SendContent,
    ) -> StoreResult<Option<String>> {
        let row = connections::of_session(connection, caller.org, session)?.ok_or_else(no_connection)?;
        // Connectors get ids of ours, too.
        let Some(gateway) = self.0.draft(&row) else { return Ok(Some(new_message_id())) };
        let content = content_of(content);
        match gateway.refusal(&content) {
            Some(reason) => Err(unsupported(reason).into()),
            None => Ok(gateway.new_message_id(&content)),
        }
    }

    fn queued(&self, org: OrgId, session: SessionId) {
        self.1.wake_sends(org, session);
    }
}

/// Rejects the connector of a session whose connection the service serves itself: both would carry out the same. Returns how
/// many messages it may send a minute; `None` for no limit.
///
/// # Errors
///
/// FAILED_PRECONDITION with the kind of the connection.
pub async fn check_connector(store: &Store, org: OrgId, session: SessionId) -> Result<Option<i32>> {
    let row = store.read(move |connection| connections::of_session(connection, org, session)).await?;
    let Some(row) = row else { return Ok(None) };
    let is_served = kinds::rules(&row.kind).is_some_and(|rules| rules.is_served);
    if !is_served || !row.enabled {
        return Ok(row.sends_per_minute.filter(|_| !is_served));
    }
    let message = format!("the service itself serves the session's connection of kind {}", row.kind);
    Err(Error::new(Kind::FailedPrecondition, message))
}
