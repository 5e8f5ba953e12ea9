//! One turn at telling a webhook: what is due of what waits, what has happened since, and what became of it.

mod chat;
mod missed;
mod plan;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant as Clock;
use uuid::Uuid;

use self::chat::{Content, deliver_chat};
use self::plan::{Plan, longest_pause, matches, pause_after};
use super::dispatcher::{Dispatcher, WebhookSender};
use super::rules::secret;
use crate::config::Secret;
use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::instant::Instant;
use crate::store::webhook_deliveries::{DeliveryRow, WAITING};
use crate::store::webhook_turns::{self, Outcome, Telling, Turn};
use crate::store::webhooks;

/// How many events are read, and at most tried, in one turn.
const PAGE: i64 = 256;
/// How many deliveries may wait before no more events are taken on: the log of events keeps them.
const MAX_WAITING: usize = 1000;
/// How many chats are told of side by side.
const CHATS_AT_ONCE: usize = 8;
/// How many failures without any success say that the receiver is gone, and are tried while it is.
const PROBES: usize = 2;
/// How long posts are begun in one turn.
const LENGTH: Duration = Duration::from_secs(15);
/// The longest that a receiver is left alone.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How long a turn that found nothing to do keeps others from looking again.
const NOTHING_TO_DO: Duration = Duration::from_secs(1);

/// A turn that is being taken.
struct Round<'o, P> {
    dispatcher: &'o Dispatcher<P>,
    org: OrgId,
    turn: Turn,
    /// `None` when the key that it is made of is gone.
    secret: Option<Secret>,
    begun: Clock,
    delivered: AtomicUsize,
    failed: AtomicUsize,
}

/// Takes a turn at the webhook, unless somebody else has it.
pub(super) async fn take_turn<P: WebhookSender>(
    dispatcher: &Dispatcher<P>,
    org: OrgId,
    webhook: &WebhookId,
    settled: i64,
) -> Result<()> {
    let (id, by, begun) = (webhook.clone(), Uuid::now_v7(), Clock::now());
    // Enough for the last post to be answered, and for that to be written down.
    let lease = LENGTH + dispatcher.settings.timeout * 2 + Duration::from_secs(10);
    let take = move |connection: &mut _| webhook_turns::take(connection, org, &id, by, lease);
    let Some(turn) = dispatcher.store.write(org, take).await? else { return Ok(()) };
    let secret = secret(&dispatcher.keys, org, &turn.webhook);
    let (delivered, failed) = Default::default();
    let round = Round { dispatcher, org, turn, secret, begun, delivered, failed };
    let outcome = round.run(settled).await?;
    let id = webhook.clone();
    let end = move |connection: &mut _| webhook_turns::end(connection, org, &id, by, &outcome);
    let id = webhook.clone();
    let find = move |connection: &mut _| webhooks::find(connection, org, &id);
    // One that was deleted in the meantime has nobody else to serve it.
    if !dispatcher.store.write(org, end).await? && dispatcher.store.read(find).await?.is_some() {
        tracing::warn!(%webhook, "a turn took too long, and its posts may be repeated");
    }
    Ok(())
}

impl<P: WebhookSender> Round<'_, P> {
    async fn run(&self, settled: i64) -> Result<Outcome> {
        let waiting = self.waiting().await?;
        let is_full = waiting.len() >= MAX_WAITING;
        let begun = Instant::now();
        let mut plan = Plan::new(waiting, self.is_failing(), begun);
        self.fill(&mut plan).await?;
        let mut position = self.turn.position;
        if !is_full {
            let events = self.events(settled).await?;
            let is_page = i64::try_from(events.len()) == Ok(PAGE);
            position = match events.last() {
                Some(last) if is_page => last.watched.event.event_id,
                _ => position.max(settled),
            };
            let told = events.into_iter().filter(|telling| matches(&self.turn.webhook, &telling.watched));
            told.for_each(|telling| plan.add(telling));
        }
        let Plan { chats, parked, missed, .. } = plan;
        let done: Vec<Vec<DeliveryRow>> = stream::iter(chats)
            .map(|tasks| deliver_chat(self, tasks))
            .buffer_unordered(if self.is_failing() { 1 } else { CHATS_AT_ONCE })
            .collect()
            .await;
        let mut deliveries: Vec<_> = done.into_iter().flatten().chain(parked).collect();
        if self.takes_nothing() {
            missed.count(&mut deliveries, begun, &self.dispatcher.settings);
        }
        Ok(self.outcome(position, deliveries))
    }

    /// Whether the last turn delivered nothing.
    fn is_failing(&self) -> bool {
        self.turn.failures > 0
    }

    /// Whether the receiver takes nothing, whatever it is: it failed of two chats and took nothing else, or it failed again
    /// and again until it was left alone for the longest.
    fn takes_nothing(&self) -> bool {
        let is_long_since = longest_pause(self.turn.failures, self.dispatcher.settings.initial_backoff)
            >= LONGEST_REST
            && self.is_failing();
        let failed = self.failed.load(Ordering::Relaxed);
        self.delivered.load(Ordering::Relaxed) == 0 && (failed >= PROBES || failed > 0 && is_long_since)
    }

    /// Whether posts are begun any more.
    fn goes_on(&self) -> bool {
        let is_gone =
            self.failed.load(Ordering::Relaxed) >= PROBES && self.delivered.load(Ordering::Relaxed) == 0;
        !is_gone && self.begun.elapsed() < LENGTH && !self.dispatcher.closing.is_cancelled()
    }

    async fn waiting(&self) -> Result<Vec<DeliveryRow>> {
        let (org, id) = (self.org, self.turn.webhook.webhook_id.clone());
        let most = i64::try_from(MAX_WAITING).unwrap_or(PAGE) + PAGE;
        let read = move |connection: &mut _| webhook_turns::waiting(connection, org, &id, most);
        self.dispatcher.store.read(read).await
    }

    async fn events(&self, settled: i64) -> Result<Vec<Telling>> {
        let (org, position) = (self.org, self.turn.position);
        let read = move |connection: &mut _| webhook_turns::after(connection, org, position, settled, PAGE);
        self.dispatcher.store.read(read).await
    }

    /// Looks up the events of what is due, those of one page.
    async fn fill(&self, plan: &mut Plan) -> Result<()> {
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let ids: Vec<i64> = plan.tasks().map(|task| task.row.event_id).take(page).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let org = self.org;
        let asked = ids.clone();
        let read = move |connection: &mut _| webhook_turns::with_ids(connection, org, &asked);
        let found = self.dispatcher.store.read(read).await?;
        let mut found: BTreeMap<i64, _> = found
            .into_iter()
            .map(|telling| (telling.watched.event.event_id, telling.watched.event))
            .collect();
        for task in plan.tasks_mut().take(ids.len()) {
            task.content = found.remove(&task.row.event_id).map_or(Content::Gone, Content::Event);
        }
        Ok(())
    }

    fn outcome(&self, position: i64, deliveries: Vec<DeliveryRow>) -> Outcome {
        let failed = self.failed.load(Ordering::Relaxed);
        let is_idle = deliveries.is_empty() && position == self.turn.position;
        let (failures, rest) = match self.delivered.load(Ordering::Relaxed) {
            0 if failed > 0 => {
                let failures = self.turn.failures.saturating_add(1);
                (
                    failures,
                    Some(pause_after(failures, self.dispatcher.settings.initial_backoff).min(LONGEST_REST)),
                )
            }
            0 => (self.turn.failures, is_idle.then_some(NOTHING_TO_DO)),
            _ => (0, None),
        };
        let retry_at = rest.map(|rest| Instant::now().later_by(rest));
        Outcome { position, failures, retry_at, deliveries }
    }
}

/// A delivery of an event that was never tried.
fn untried(event_id: i64, chat_key: i64, next_attempt_at: Instant) -> DeliveryRow {
    DeliveryRow {
        event_id,
        chat_key,
        state: WAITING.to_owned(),
        attempts: 0,
        status: None,
        error: None,
        attempted_at: None,
        next_attempt_at: Some(next_attempt_at),
        created_at: Instant::now(),
    }
}
