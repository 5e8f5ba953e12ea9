//! Commands: changes of chats that the gateway applies to WhatsApp.

use std::collections::BTreeMap;

use tokio::time::{sleep, timeout};

use super::pace::backoff;
use super::{MAX_FAILURES, Outbox, SEND_TIMEOUT, warn};
use crate::actions::commands::{self, Change, Command};
use crate::actions::sends;
use crate::connect::gateway::{ChatChange, QuotedMessage, SendError};
use crate::error::Result;

/// The newest incoming messages that a gateway gets with a change.
const LAST_INCOMING: i64 = 20;

/// How often each command has failed, by its id.
type Failures = BTreeMap<i64, i32>;

impl Outbox {
    /// Applies the pending commands, oldest first, again and again until none is left.
    pub(super) async fn apply_changes(&self) {
        let mut failures = Failures::new();
        for attempt in 1.. {
            match self.try_changes(&mut failures).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => warn(&error),
            }
            sleep(backoff(attempt)).await;
        }
    }

    /// Whether no command waits any more. Ends at the first one that the gateway does not answer; one that it answers with an
    /// error does not delay the others.
    async fn try_changes(&self, failures: &mut Failures) -> Result<bool> {
        let Self { store, org, session, lease, .. } = self;
        if !lease.acquire(store).await? {
            return Ok(false);
        }
        let mut is_done = true;
        for command in lease.pending(store).await? {
            let outcome = timeout(SEND_TIMEOUT, self.change(&command)).await;
            let (is_supported, reason) = match outcome {
                Ok(Ok(())) => {
                    lease.acknowledge(store, vec![command.id]).await?;
                    continue;
                }
                Ok(Err(SendError::Unsupported { reason })) => (false, reason.to_owned()),
                Ok(Err(SendError::Rejected { reason })) => (true, reason),
                Ok(Err(SendError::Failed { reason })) => {
                    let failed = failures.entry(command.id).or_default();
                    *failed += 1;
                    if *failed < MAX_FAILURES {
                        is_done = false;
                        continue;
                    }
                    (true, reason)
                }
                // A command is a state, so that repeating it is harmless.
                Ok(Err(SendError::NotSent { .. } | SendError::Unclear { .. })) | Err(_) => return Ok(false),
            };
            sends::reject_command(store, *org, *session, &command, (is_supported, reason)).await?;
        }
        Ok(is_done)
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
