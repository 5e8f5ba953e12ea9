//! Commands: changes of chats that the gateway applies to WhatsApp.

use tokio::time::timeout;

use super::retries::Retries;
use super::{Outbox, SEND_TIMEOUT, warn};
use crate::actions::commands::{self, Change, Command};
use crate::actions::sends;
use crate::connect::gateway::{ChatChange, QuotedMessage, SendError};
use crate::error::Result;

/// The newest incoming messages that a gateway gets with a change.
const LAST_INCOMING: i64 = 20;
impl Outbox {
    /// Applies the pending commands that are due. Returns those that wait for another attempt.
    pub(super) async fn apply_changes(&self, mut retries: Retries) -> Retries {
        let is_done = self.try_changes(&mut retries).await.inspect_err(warn).unwrap_or(false);
        retries.end_round(is_done);
        retries
    }

    /// Whether no command waits any more. Ends at the first one that the gateway does not answer: while it is away, it gets one
    /// request a round.
    async fn try_changes(&self, retries: &mut Retries) -> Result<bool> {
        let Self { store, org, session, lease, .. } = self;
        if !lease.acquire(store).await? {
            return Ok(false);
        }
        for command in retries.due(lease.pending(store).await?) {
            let outcome = timeout(SEND_TIMEOUT, self.change(&command)).await.unwrap_or_else(|_| {
                let reason = format!("the gateway did not respond within {} s", SEND_TIMEOUT.as_secs());
                Err(SendError::Unclear { reason })
            });
            let rejected = match outcome {
                Ok(()) => {
                    lease.acknowledge(store, vec![command.id]).await?;
                    retries.end(command.id);
                    continue;
                }
                Err(SendError::Unsupported { reason }) => (false, reason.to_owned()),
                Err(SendError::Rejected { reason }) => (true, reason),
                Err(SendError::Failed { .. }) if retries.defer(command.id, true, None) => continue,
                Err(SendError::NotSent { retry_after, .. })
                    if retries.defer(command.id, false, retry_after) =>
                {
                    return Ok(false);
                }
                // A command is a state, so that repeating it is harmless.
                Err(SendError::Unclear { .. }) if retries.defer(command.id, false, None) => return Ok(false),
                Err(
                    SendError::Failed { reason }
                    | SendError::NotSent { reason, .. }
                    | SendError::Unclear { reason },
                ) => (true, reason),
            };
            sends::reject_command(store, *org, *session, &command, rejected).await?;
            retries.end(command.id);
        }
        Ok(retries.is_empty())
    }

    async fn change(&self, command: &Command) -> std::result::Result<(), SendError> {
        let Self { store, org, session, gateway, .. } = self;
        let up_to = if let Change::Read(up_to) = command.change { up_to } else { None };
        let incoming =
            commands::last_incoming(store, *org, *session, command.chat.clone(), up_to, LAST_INCOMING).await;
        let incoming =
            incoming.map_err(|error| SendError::NotSent { reason: error.to_string(), retry_after: None })?;
        let last_incoming =
            incoming.into_iter().map(|(id, author)| QuotedMessage { id, from_me: false, author });
        let change = ChatChange { change: command.change, last_incoming: last_incoming.collect() };
        gateway.change(&command.chat, &change).await
    }
}
