//! Looks for webhooks that have something to be told, and takes turns at telling them.
//!
//! Each webhook is served by itself: one that does not answer costs the others nothing but one of many places. What waits for
//! it stays in the log of events.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::round;
use crate::actions::watch::Settling;
use crate::config::{Secret, WebhookSettings};
use crate::cursor::CursorKeys;
use crate::error::Result;
use crate::ids::{OrgId, ReceiverUrl, WebhookId};
use crate::store::events::{self, Event};
use crate::store::{Store, webhook_turns};
use crate::telemetry::causes;

/// How many webhooks one process serves at a time.
const AT_ONCE: usize = 64;

/// How often it is looked for something to tell.
const INTERVAL: Duration = Duration::from_millis(500);
/// The same while a webhook has just been served, which may have more to tell, or writers hold events back.
const SOON: Duration = Duration::from_millis(50);

/// What is posted to a webhook.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The organization.
    pub org: OrgId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it is posted to.
    pub url: ReceiverUrl,
    /// What it is signed with.
    pub secret: Secret,
    /// What happened.
    pub event: Event,
}

/// What a receiver said to a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Its answer's HTTP status.
    Status(u16),
    /// Nothing, and why: in words that tell nothing of what is on private networks.
    Nothing(&'static str),
}

/// Posts letters.
pub trait Post: Send + Sync + 'static {
    /// Posts a letter and waits for the answer, for as long as the settings say and no longer.
    fn post(&self, letter: &Letter) -> impl Future<Output = Answered> + Send;
}

/// Whoever tells webhooks of changes.
pub struct Office<P> {
    pub(super) store: Store,
    pub(super) keys: CursorKeys,
    pub(super) settings: WebhookSettings,
    pub(super) post: P,
    pub(super) closing: CancellationToken,
}

impl<P: Post> Office<P> {
    /// Tells what is in the store, until `closing` is cancelled.
    pub fn new(
        store: Store,
        keys: CursorKeys,
        settings: WebhookSettings,
        post: P,
        closing: CancellationToken,
    ) -> Self {
        Self { store, keys, settings, post, closing }
    }

    /// Tells webhooks of changes until told to stop. Then it waits for the answers to what was posted.
    pub async fn run(self) {
        let office = Arc::new(self);
        let (mut turns, mut settling) = (JoinSet::new(), Settling::default());
        let mut settled = 0;
        while !office.closing.is_cancelled() {
            let looked = office.look(&mut turns, &mut settling, &mut settled).await;
            if let Err(error) = &looked {
                tracing::warn!(reason = causes(error), "webhooks could not be looked for");
            }
            let pause = if looked.is_ok() && settling.is_held_back() { SOON } else { INTERVAL };
            tokio::select! {
                () = sleep(pause) => {}
                Some(_) = turns.join_next() => sleep(SOON).await,
                () = office.closing.cancelled() => {}
            }
            while turns.try_join_next().is_some() {}
        }
        while turns.join_next().await.is_some() {}
    }

    /// Begins the turns there are to take, as far as there are places.
    async fn look(
        self: &Arc<Self>,
        turns: &mut JoinSet<()>,
        settling: &mut Settling,
        settled: &mut i64,
    ) -> Result<()> {
        let places = AT_ONCE - turns.len();
        if places == 0 {
            return Ok(());
        }
        let horizon = self.store.read(events::horizon).await?;
        if let Some(horizon) = settling.settled_by(horizon) {
            *settled = horizon.last;
        }
        let (up_to, most) = (*settled, i64::try_from(places).unwrap_or(i64::MAX));
        let due = self.store.read(move |connection| webhook_turns::due(connection, up_to, most)).await?;
        for (org, webhook) in due {
            let office = Arc::clone(self);
            turns.spawn(async move {
                if let Err(error) = round::take_turn(&office, org, &webhook, up_to).await {
                    tracing::warn!(%webhook, reason = causes(&error), "a webhook could not be served");
                }
            });
        }
        Ok(())
    }
}
