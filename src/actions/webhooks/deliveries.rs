//! Listing deliveries, replaying dead letters, and removing expired deliveries.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checks::visible;
use super::endpoints::Webhooks;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::page::{CursorList, Page};
use crate::actions::retention;
use crate::caller::Caller;
use crate::cursor::Scope;
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, WebhookId};
use crate::store::webhook_deliveries::{self, DEAD, DELIVERED, ListedDelivery, WAITING};
use crate::store::{Connection, Store, StoreResult, Transaction, webhook_queues, webhooks};

impl Webhooks {
    /// A page of the webhook's deliveries, those of the newest events first.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        state: Option<String>,
        limit: Option<i64>,
        cursor: &str,
    ) -> Result<Page<ListedDelivery>> {
        if state.as_deref().is_some_and(|state| ![WAITING, DELIVERED, DEAD].contains(&state)) {
            let expected = format_args!("must be {WAITING}, {DELIVERED} or {DEAD}");
            return Err(Error::invalid("state", expected));
        }
        let (org, caller) = (caller.org, caller.clone());
        let scope = Scope::of("webhook deliveries").with("webhook", &id).with_some("state", state.as_deref());
        let list = CursorList { store: &self.store, keys: &self.keys, org, scope };
        let (allowed, claimant) = (caller.sessions.clone(), caller.claimant_key());
        let read = move |connection: &mut Connection, before: Option<i64>, limit| {
            let of_caller = (allowed.as_deref(), claimant.as_ref());
            let (state, before) = (state.as_deref(), before.unwrap_or(i64::MAX));
            let page = webhook_deliveries::page(connection, org, &id, of_caller, state, before, limit)?;
            if page.is_empty() {
                // A second statement says whether the caller may see the webhook.
                visible(webhooks::find(connection, org, &id)?, &caller)?;
            }
            Ok(page)
        };
        list.page(limit, cursor, |(row, ..): &ListedDelivery| row.event_id, read).await
    }

    /// Retries a dead letter.
    pub async fn replay<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        event: i64,
        idempotent: IdempotentWrite<(), R>,
    ) -> Result<R> {
        let (org, caller) = (caller.org, caller.clone());
        let write = move |tx: &mut Transaction<'_>| {
            visible(webhooks::find(tx, org, &id)?, &caller)?;
            let state = webhook_deliveries::lock_state(tx, org, &id, event)?;
            match state.as_deref() {
                Some(DEAD) => revive(tx, org, &id, Some(event)).map(|_| ()),
                Some(_) => {
                    Err(Error::new(Kind::FailedPrecondition, "the delivery is not a dead letter").into())
                }
                None => Err(Error::not_found("delivery not found").into()),
            }
        };
        idempotent.write(&self.store, org, write).await
    }

    /// Retries all dead letters of the webhook, and returns their number.
    pub async fn replay_all<R: Send + 'static>(
        &self,
        caller: &Caller,
        id: WebhookId,
        idempotent: IdempotentWrite<usize, R>,
    ) -> Result<R> {
        let (org, caller) = (caller.org, caller.clone());
        let write = move |tx: &mut Transaction<'_>| {
            visible(webhooks::find(tx, org, &id)?, &caller)?;
            revive(tx, org, &id, None)
        };
        idempotent.write(&self.store, org, write).await
    }
}

/// Retries one dead letter, or all of the webhook, at once. Returns their number.
fn revive(connection: &mut Connection, org: OrgId, id: &WebhookId, event: Option<i64>) -> StoreResult<usize> {
    webhooks::retry_now(connection, org, id)?;
    let mut chats = webhook_deliveries::revive(connection, org, id, event)?;
    let revived = chats.len();
    chats.sort_unstable();
    chats.dedup();
    webhook_queues::add(connection, org, id, &chats)?;
    Ok(revived)
}

/// How long the oldest work of webhooks whose endpoints respond has been due.
pub async fn lag(store: &Store) -> Result<Duration> {
    let oldest = store.read(webhook_queues::oldest_due).await?;
    let micros = oldest.map_or(0, |(due_at, now)| now.micros() - due_at.micros());
    Ok(Duration::from_micros(micros.try_into().unwrap_or_default()))
}

/// Removes a batch of expired deliveries. Returns whether there may be more.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let read = move |connection: &mut _| webhook_deliveries::expired(connection, retention, retention::BATCH);
    retention::delete(store, store.read(read).await?, delete).await
}

fn delete(tx: &mut Transaction<'_>, org: OrgId, expired: &[(WebhookId, i64)]) -> StoreResult<()> {
    let mut by_webhook: BTreeMap<&WebhookId, Vec<i64>> = BTreeMap::new();
    for (webhook, event) in expired {
        by_webhook.entry(webhook).or_default().push(*event);
    }
    by_webhook
        .into_iter()
        .try_for_each(|(webhook, events)| webhook_deliveries::delete(tx, org, webhook, &events))
}
