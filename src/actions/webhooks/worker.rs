//! What a run does with the queue: leases chats, sends their deliveries, and stores the results.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant as Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff;
use super::checks::secret;
use super::sender::{AttemptResult, DeliveryRequest, WebhookSender};
use crate::config::{Secret, WebhookConfig};
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::store::events::{self, ChangeEvent, EventKind, FieldChanges, NewEvent};
use crate::store::message_views::MessageView;
use crate::store::webhook_deliveries::{self, DEAD, DELIVERED, DeliveryRow, WAITING};
use crate::store::webhook_queues::{self, LeaseOrder};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Store, StoreResult, Transaction};
use crate::telemetry::metrics;

/// Deliveries of a chat under one lease, and how long after its start they begin.
/// Shorter than the lease: an attempt that lasts longer is kept exclusive by renewals.
const CHAT_BATCH: i64 = 32;
const CHAT_DURATION: Duration = Duration::from_secs(2);
/// Chats for which a failed run counts without a request.
const COUNTED_CHATS: i64 = 256;
/// The longest backoff of an endpoint.
const MAX_ENDPOINT_BACKOFF: Duration = Duration::from_secs(60);

/// What all runs share.
pub(super) struct Shared<S> {
    pub(super) store: Store,
    pub(super) keys: SigningKeys,
    pub(super) settings: WebhookConfig,
    pub(super) sender: S,
}

/// One holder of leases on the queue of one webhook.
pub(super) struct Worker<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) org: OrgId,
    pub(super) webhook: WebhookId,
    /// Identifies this holder.
    pub(super) holder: Uuid,
    /// When cancelled, no further delivery is started.
    pub(super) stop: CancellationToken,
}

/// The leased chats of a webhook.
pub(super) struct Leased {
    pub(super) webhook: Arc<WebhookRow>,
    pub(super) chats: Vec<LeasedChat>,
    /// Whether a batch of events was read of which the webhook selects none, and more may follow.
    pub(super) has_more: bool,
}

/// A leased chat with its first waiting deliveries.
/// Each has its event while that is stored.
pub(super) struct LeasedChat {
    pub(super) chat_key: i64,
    pub(super) deliveries: Vec<(DeliveryRow, Option<Payload>)>,
}

/// An event with the message that it is about.
type Payload = (ChangeEvent, Option<MessageView>);

/// A leased chat after some of its deliveries were attempted.
#[derive(Debug)]
pub(super) struct AttemptedChat {
    pub(super) chat_key: i64,
    rows: Vec<DeliveryRow>,
    /// The pause before the next attempt.
    backoff: Duration,
    /// Whether a delivery was accepted.
    pub(super) is_delivered: bool,
    /// The result of the last attempt, if it failed.
    pub(super) failure: Option<AttemptResult>,
}

impl<S: WebhookSender> Worker<S> {
    /// Leases as many due chats as `limit` returns for the webhook; `None` when it or its organization is disabled or deleted.
    pub(super) async fn lease(
        &self,
        limit: impl Fn(&WebhookRow) -> usize + Send + 'static,
    ) -> Result<Option<Leased>> {
        let (org, id, holder) = (self.org, self.webhook.clone(), self.holder);
        let lease = move |tx: &mut Transaction<'_>| {
            let Some(webhook) = webhooks::find_enabled(tx, org, &id)? else { return Ok(None) };
            let limit = i64::try_from(limit(&webhook)).unwrap_or(i64::MAX);
            let order = match webhook.failing_since {
                Some(_) => LeaseOrder::NewestFirst,
                None => LeaseOrder::OldestFirst,
            };
            let chats = take(tx, org, &id, holder, order, (limit, CHAT_BATCH))?;
            Ok(Some(Leased { webhook: Arc::new(webhook), chats, has_more: false }))
        };
        self.shared.store.write(org, lease).await
    }

    /// Renews the leases of these chats. Returns whether the holder still has all of them.
    pub(super) async fn renew(&self, chats: Vec<i64>) -> Result<bool> {
        let (org, id, holder) = (self.org, self.webhook.clone(), self.holder);
        let renew = move |tx: &mut Transaction<'_>| {
            Ok(webhook_queues::renew(tx, org, &id, holder, &chats)? == chats.len())
        };
        self.shared.store.write(org, renew).await
    }

    /// Sends the deliveries of a chat in order, up to the first that fails.
    pub(super) async fn send_chat(
        &self,
        webhook: Arc<WebhookRow>,
        chat: LeasedChat,
        leased_at: Clock,
    ) -> AttemptedChat {
        let secret = secret(&self.shared.keys, self.org, &webhook);
        let mut attempted = AttemptedChat::new(chat.chat_key);
        for (row, payload) in chat.deliveries {
            let is_late = !attempted.rows.is_empty() && leased_at.elapsed() > CHAT_DURATION;
            if is_late || self.stop.is_cancelled() {
                break;
            }
            let Some(payload) = payload else {
                attempted.rows.push(expired(row));
                continue;
            };
            let result = self.send(&webhook, secret.clone(), payload).await;
            attempted.add(row, result, &self.shared.settings);
            if attempted.failure.is_some() {
                break;
            }
        }
        attempted
    }

    async fn send(
        &self,
        webhook: &WebhookRow,
        secret: Option<Secret>,
        (event, message): Payload,
    ) -> AttemptResult {
        let Some(secret) = secret else {
            return AttemptResult::NoResponse("the signing key of the secret was removed: rotate the secret");
        };
        let (id, url) = (webhook.webhook_id.clone(), webhook.url.clone());
        let request = DeliveryRequest { org: self.org, webhook: id, url, secret, event, message };
        self.shared.sender.send(&request).await
    }

    /// Stores the results of leased chats and releases their leases.
    /// Results of a chat whose lease was lost are dropped: another holder repeats its deliveries.
    pub(super) async fn store(&self, chats: Vec<AttemptedChat>) -> Result<()> {
        let (org, id, holder) = (self.org, self.webhook.clone(), self.holder);
        let write = move |tx: &mut Transaction<'_>| store_results(tx, org, &id, holder, &chats);
        self.shared.store.write(org, write).await
    }

    /// Records that the endpoint accepted a delivery again.
    pub(super) async fn succeeded(&self) -> Result<()> {
        let (org, id) = (self.org, self.webhook.clone());
        self.shared.store.write(org, move |tx: &mut Transaction<'_>| webhooks::succeeded(tx, org, &id)).await
    }

    /// Records that every attempt of a run failed, the last one with that result.
    ///
    /// When the endpoint failed for several chats, it gets a backoff, and the attempt counts for the other due chats, too:
    /// their deliveries become dead letters without a request for each of their attempts.
    pub(super) async fn failed(&self, result: AttemptResult, is_outage: bool) -> Result<()> {
        let (org, id, holder, settings) = (self.org, self.webhook.clone(), self.holder, self.shared.settings);
        let write = move |tx: &mut Transaction<'_>| {
            let Some(webhook) = webhooks::find(tx, org, &id)? else { return Ok(()) };
            let backoff = backoff::jittered(webhook.failures + 1, settings.initial_backoff);
            webhooks::failed(tx, org, &id, is_outage.then(|| backoff.min(MAX_ENDPOINT_BACKOFF)))?;
            if webhooks::disable_failing(tx, org, &id, settings.disable_after)? {
                record_disabled(tx, &id);
            } else if is_outage {
                let others = take(tx, org, &id, holder, LeaseOrder::OldestFirst, (COUNTED_CHATS, 1))?;
                let counted: Vec<_> =
                    others.into_iter().map(|chat| AttemptedChat::counted(chat, result, &settings)).collect();
                store_results(tx, org, &id, holder, &counted)?;
            }
            Ok(())
        };
        self.shared.store.write(org, write).await
    }
}

impl AttemptedChat {
    fn new(chat_key: i64) -> Self {
        Self { chat_key, rows: Vec::new(), backoff: Duration::ZERO, is_delivered: false, failure: None }
    }

    /// A chat whose first delivery has that result without a request.
    fn counted(chat: LeasedChat, result: AttemptResult, settings: &WebhookConfig) -> Self {
        let mut attempted = Self::new(chat.chat_key);
        chat.deliveries.into_iter().take(1).for_each(|(row, _)| attempted.add(row, result, settings));
        attempted
    }

    /// Adds a delivery with the result of its attempt.
    fn add(&mut self, mut row: DeliveryRow, result: AttemptResult, settings: &WebhookConfig) {
        row.attempts = row.attempts.saturating_add(1);
        (row.status, row.error) = match result {
            AttemptResult::Status(status) => (Some(i32::from(status)), None),
            AttemptResult::NoResponse(reason) => (None, Some(reason.to_owned())),
        };
        let is_last = u32::try_from(row.attempts).is_ok_and(|attempts| attempts >= settings.max_attempts);
        let (state, outcome) = match (result.is_success(), is_last) {
            (true, _) => (DELIVERED, "delivered"),
            (false, true) => (DEAD, "dead"),
            (false, false) => (WAITING, "failed"),
        };
        if state == WAITING {
            self.backoff = backoff::jittered(row.attempts, settings.initial_backoff);
        }
        state.clone_into(&mut row.state);
        metrics::webhook_attempted(outcome);
        self.rows.push(row);
        self.is_delivered |= result.is_success();
        self.failure = (!result.is_success()).then_some(result);
    }
}

/// The delivery of an event that was removed after its retention.
fn expired(row: DeliveryRow) -> DeliveryRow {
    DeliveryRow { state: DEAD.to_owned(), error: Some("the event has expired".to_owned()), ..row }
}

/// Leases chats and reads their first deliveries.
fn take(
    tx: &mut Transaction<'_>,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    order: LeaseOrder,
    limits: (i64, i64),
) -> StoreResult<Vec<LeasedChat>> {
    let chats = webhook_queues::lease(tx, org, id, holder, order, limits)?;
    let ids: Vec<i64> = chats.iter().flat_map(|(_, events)| events).copied().collect();
    let mut leased: Vec<LeasedChat> =
        chats.into_iter().map(|(chat_key, _)| LeasedChat { chat_key, deliveries: Vec::new() }).collect();
    let found = webhook_deliveries::find(tx, org, id, &ids)?;
    let stored = found.iter().filter_map(|(row, event)| Some((row.chat_key, event.as_ref()?)));
    let mut messages = events::messages_of(tx, org, &stored.collect::<Vec<_>>())?;
    for (row, event) in found {
        if let Some(chat) = leased.iter_mut().find(|chat| chat.chat_key == row.chat_key) {
            let message = messages.remove(&row.event_id);
            chat.deliveries.push((row, event.map(|event| (event, message))));
        }
    }
    Ok(leased)
}

fn store_results(
    tx: &mut Transaction<'_>,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    chats: &[AttemptedChat],
) -> StoreResult<()> {
    let mut keys: Vec<i64> = chats.iter().map(|chat| chat.chat_key).collect();
    keys.sort_unstable();
    let held = webhook_queues::release(tx, org, id, holder, &keys)?;
    let Some((_, now)) = held.first().copied() else { return Ok(()) };
    let held: Vec<i64> = held.into_iter().map(|(chat, _)| chat).collect();
    let chats = || chats.iter().filter(|chat| held.contains(&chat.chat_key));
    let rows: Vec<DeliveryRow> = chats().flat_map(|chat| &chat.rows).cloned().collect();
    webhook_deliveries::store_results(tx, org, id, &rows, now)?;
    let failed = chats().filter(|chat| !chat.backoff.is_zero());
    let due: Vec<_> = failed.map(|chat| (chat.chat_key, now.later_by(chat.backoff))).collect();
    if !due.is_empty() {
        webhook_queues::defer(tx, org, id, &due)?;
    }
    webhook_queues::remove_finished(tx, org, id, &held)
}

/// Records that the service disabled a webhook.
/// An event of the organization, not of a chat.
fn record_disabled(tx: &mut Transaction<'_>, id: &WebhookId) {
    tracing::warn!(webhook = %id, "the endpoint has failed for too long: the webhook is disabled");
    let changes = FieldChanges::default().field(&format!("webhooks.{id}.enabled"), &true, &false);
    tx.record(NewEvent {
        chat_key: 0,
        session: None,
        kind: EventKind::WebhookDisabled,
        changes,
        message: None,
    });
}
