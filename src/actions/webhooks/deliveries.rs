//! What became of telling webhooks of changes: looking it up, trying dead letters again, and forgetting it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Webhooks, check_reader, visible};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::page::{self, Page};
use crate::caller::Caller;
use crate::cursor::Scope;
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, WebhookId};
use crate::store::events::ChangeEvent;
use crate::store::webhook_deliveries::{self, DEAD, DELIVERED, DeliveryRow, WAITING};
use crate::store::{Connection, Store, webhook_turns, webhooks};

/// How many expired deliveries are looked for at a time.
const BATCH: i64 = 1000;

impl Webhooks {
    /// A page of what became of telling the webhook of changes, the latest changes first.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        state: Option<String>,
        limit: Option<i64>,
        cursor: &str,
    ) -> Result<Page<(DeliveryRow, Option<ChangeEvent>)>> {
        check_reader(caller)?;
        if state.as_deref().is_some_and(|state| ![WAITING, DELIVERED, DEAD].contains(&state)) {
            let expected = format_args!("must be {WAITING}, {DELIVERED} or {DEAD}");
            return Err(Error::invalid("state", expected));
        }
        let (org, size) = (caller.org, page::size(limit));
        let scope = Scope::of("webhook deliveries").with("webhook", &id).with_some("state", state.as_deref());
        let before = match cursor {
            "" => i64::MAX,
            cursor => self.keys.open(org, &scope, cursor)?,
        };
        let (reachable, webhook) = (caller.sessions.clone(), id.clone());
        let read = move |connection: &mut _| {
            let (reachable, state) = (reachable.as_deref(), state.as_deref());
            webhook_deliveries::page(connection, org, &webhook, reachable, state, before, size + 1)
        };
        let rows = self.store.read(read).await?;
        if rows.is_empty() {
            // Perhaps there is no such webhook.
            self.get(caller, id).await?;
        }
        page::cut(rows, size, |(row, _)| row.event_id, (&self.keys, org, &scope))
    }

    /// Tries a dead delivery again.
    pub async fn replay<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        event: i64,
        once: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let (org, reachable) = (caller.org, caller.sessions.clone());
        let write = move |connection: &mut Connection| {
            visible(webhooks::find(connection, org, &id)?, reachable.as_deref())?;
            let state = webhook_deliveries::lock_state(connection, org, &id, event)?;
            match state.as_deref() {
                Some(DEAD) => {
                    webhook_deliveries::revive(connection, org, &id, Some(event))?;
                    webhooks::try_at_once(connection, org, &id)
                }
                Some(_) => Err(Error::new(Kind::FailedPrecondition, "it is no dead delivery").into()),
                None => Err(Error::not_found("delivery not found").into()),
            }
        };
        once.write(&self.store, org, write).await
    }

    /// Tries all dead letters of the webhook again. Tells how many there were.
    pub async fn replay_all<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        once: IdempotentWrite<usize, R>,
    ) -> Result<R> {
        let (org, reachable) = (caller.org, caller.sessions.clone());
        let write = move |connection: &mut Connection| {
            visible(webhooks::find(connection, org, &id)?, reachable.as_deref())?;
            webhooks::try_at_once(connection, org, &id)?;
            webhook_deliveries::revive(connection, org, &id, None)
        };
        once.write(&self.store, org, write).await
    }
}

/// How old the oldest change is that a webhook whose receiver answers was not told of yet.
pub async fn lag(store: &Store) -> Result<Duration> {
    let untold = store.read(webhook_turns::oldest_untold).await?;
    let micros = untold.map_or(0, |(at, now)| now.micros() - at.micros());
    Ok(Duration::from_micros(micros.try_into().unwrap_or_default()))
}

/// Removes a batch of deliveries that came up longer ago than that. Says whether there may be others.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let expired =
        store.read(move |connection| webhook_deliveries::expired(connection, retention, BATCH)).await?;
    let is_full = i64::try_from(expired.len()) == Ok(BATCH);
    let mut by_webhook: BTreeMap<(OrgId, WebhookId), Vec<i64>> = BTreeMap::new();
    for (org, webhook, event) in expired {
        by_webhook.entry((org, webhook)).or_default().push(event);
    }
    for ((org, webhook), events) in by_webhook {
        let delete = move |connection: &mut _| webhook_deliveries::delete(connection, org, &webhook, &events);
        store.write(org, delete).await?;
    }
    Ok(is_full)
}
