//! Looks for webhooks that have something to be told, and takes turns at telling them.
//!
//! Each webhook is served by itself: one that does not answer costs the others nothing but one of many places, of which an
//! organization has only so many. What waits for it stays in the log of events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::round;
use crate::actions::watch::Settling;
use crate::config::{Secret, WebhookConfig};
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::ids::{OrgId, ReceiverUrl, WebhookId};
use crate::store::events::{self, ChangeEvent};
use crate::store::{Store, webhook_turns};
use crate::telemetry::causes;

/// How many webhooks one process serves at a time.
const AT_ONCE: usize = 128;
/// How many of one organization: slow ones of one leave the others room.
const AT_ONCE_OF_ONE: usize = 16;

/// How often it is looked for something to tell.
const INTERVAL: Duration = Duration::from_millis(500);
/// The same while a webhook has just been served, which may have more to tell, or writers hold events back.
const SOON: Duration = Duration::from_millis(50);

/// What is posted to a webhook.
#[derive(Clone, Debug)]
pub struct DeliveryRequest {
    /// The organization.
    pub org: OrgId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it is posted to.
    pub url: ReceiverUrl,
    /// What it is signed with.
    pub secret: Secret,
    /// What happened.
    pub event: ChangeEvent,
}

/// What a receiver said to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// Its answer's HTTP status.
    Status(u16),
    /// Nothing, and why: in words that tell nothing of what is on private networks.
    NoResponse(&'static str),
}

/// Posts letters.
pub trait WebhookSender: Send + Sync + 'static {
    /// Posts a delivery and waits for the answer, for as long as the settings say and no longer.
    fn send(&self, delivery: &DeliveryRequest) -> impl Future<Output = AttemptResult> + Send;
}

/// Whoever tells webhooks of changes.
pub struct Dispatcher<P> {
    pub(super) store: Store,
    pub(super) keys: SigningKeys,
    pub(super) settings: WebhookConfig,
    pub(super) post: P,
    pub(super) closing: CancellationToken,
}

impl<P: WebhookSender> Dispatcher<P> {
    /// Tells what is in the store, until `closing` is cancelled.
    pub fn new(
        store: Store,
        keys: SigningKeys,
        settings: WebhookConfig,
        post: P,
        closing: CancellationToken,
    ) -> Self {
        Self { store, keys, settings, post, closing }
    }

    /// Tells webhooks of changes until told to stop. Then it waits for the answers to what was posted.
    pub async fn run(self) {
        let dispatcher = Arc::new(self);
        let (mut turns, mut settling) = (Turns::default(), Settling::default());
        let mut settled = 0;
        while !dispatcher.closing.is_cancelled() {
            let looked = dispatcher.look(&mut turns, &mut settling, &mut settled).await;
            if let Err(error) = &looked {
                tracing::warn!(reason = causes(error), "webhooks could not be looked for");
            }
            let pause = if looked.is_ok() && settling.is_held_back() { SOON } else { INTERVAL };
            tokio::select! {
                () = sleep(pause) => {}
                true = turns.ended() => sleep(SOON).await,
                () = dispatcher.closing.cancelled() => {}
            }
            turns.forget_ended();
        }
        while turns.ended().await {}
    }

    /// Begins the turns there are to take, as far as there are places.
    async fn look(
        self: &Arc<Self>,
        turns: &mut Turns,
        settling: &mut Settling,
        settled: &mut i64,
    ) -> Result<()> {
        if turns.places() == 0 {
            return Ok(());
        }
        let safe_position = self.store.read(events::head).await?;
        if let Some(safe_position) = settling.settled_by(safe_position) {
            *settled = safe_position.last;
        }
        let up_to = *settled;
        // Once more for each organization whose webhooks were all that was seen.
        loop {
            let (most, full) = (turns.places(), turns.full());
            let limit = i64::try_from(most).unwrap_or(i64::MAX);
            let look = move |connection: &mut _| webhook_turns::due(connection, up_to, &full, limit);
            let due = self.store.read(look).await?;
            let is_all = due.len() < most;
            let mut begun = 0;
            for (org, webhook) in due {
                if turns.has_place(org) && !turns.is_taken(&webhook) {
                    turns.begin(org, webhook.clone(), Arc::clone(self).take_turn(org, webhook, up_to));
                    begun += 1;
                }
            }
            if is_all || begun == 0 || turns.places() == 0 {
                return Ok(());
            }
        }
    }

    async fn take_turn(self: Arc<Self>, org: OrgId, webhook: WebhookId, up_to: i64) {
        if let Err(error) = round::take_turn(&self, org, &webhook, up_to).await {
            tracing::warn!(%webhook, reason = causes(&error), "a webhook could not be served");
        }
    }
}

/// The turns that are being taken.
#[derive(Default)]
struct Turns {
    tasks: JoinSet<()>,
    taken: HashMap<Id, (OrgId, WebhookId)>,
}

impl Turns {
    fn begin(&mut self, org: OrgId, webhook: WebhookId, turn: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(turn).id();
        self.taken.insert(id, (org, webhook));
    }

    /// Waits until one has ended; false when there is none.
    async fn ended(&mut self) -> bool {
        let Some(ended) = self.tasks.join_next_with_id().await else { return false };
        self.taken.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        true
    }

    /// The same of all that have ended.
    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.taken.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
    }

    /// How many more may be taken.
    fn places(&self) -> usize {
        AT_ONCE.saturating_sub(self.taken.len())
    }

    fn is_taken(&self, webhook: &WebhookId) -> bool {
        self.taken.values().any(|(_, taken)| taken == webhook)
    }

    fn has_place(&self, org: OrgId) -> bool {
        self.taken.values().filter(|(of, _)| *of == org).count() < AT_ONCE_OF_ONE
    }

    /// The organizations that have no place left.
    fn full(&self) -> Vec<OrgId> {
        let mut orgs: Vec<OrgId> = self.taken.values().map(|(org, _)| *org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        orgs.retain(|org| !self.has_place(*org));
        orgs
    }
}
