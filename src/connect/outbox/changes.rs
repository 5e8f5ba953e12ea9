//! Commands: changes of chats that the gateway applies to WhatsApp.

use tokio::time::{sleep, timeout};

use super::pace::backoff;
use super::{Outbox, SEND_TIMEOUT, warn};
use crate::actions::commands::{self, Change, Command};
use crate::actions::sends;
use crate::connect::gateway::{ChatChange, QuotedMessage, SendError};
use crate::error::Result;

/// The newest incoming messages that a gateway gets with a change.
const LAST_INCOMING: i64 = 20;

impl Outbox {
    /// Applies the pending commands, oldest first. Ends at the first one that must wait, after a pause.
    pub(super) async fn apply_changes(&self) {
        for attempt in 1.. {
            match self.try_changes().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => warn(&error),
            }
            sleep(backoff(attempt)).await;
        }
    }

    /// Whether no command waits any more.
    async fn try_changes(&self) -> Result<bool> {
        let Self { store, org, session, lease, .. } = self;
        if !lease.acquire(store).await? {
            return Ok(false);
        }
        for command in lease.pending(store).await? {
            let outcome = timeout(SEND_TIMEOUT, self.change(&command)).await;
            let (is_supported, reason) = match outcome {
                Ok(Ok(())) => {
                    lease.acknowledge(store, vec![command.id]).await?;
                    continue;
                }
                Ok(Err(SendError::Unsupported { reason })) => (false, reason.to_owned()),
                Ok(Err(SendError::Rejected { reason })) => (true, reason),
                // A command is a state, so that repeating it is harmless.
                Ok(Err(SendError::NotSent { .. } | SendError::Unclear { .. })) | Err(_) => return Ok(false),
            };
            sends::reject_command(store, *org, *session, &command, (is_supported, reason)).await?;
        }
        Ok(true)
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
