//! Reads change events once for all subscribers of this instance, and broadcasts them.
//!
//! A notification triggers a read; a slow poll finds the rest. Without subscribers there are no queries.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant as Clock, timeout};
use tokio_util::sync::CancellationToken;

use super::notifications::Notifications;
use crate::actions::safe_position::SafePositionTracker;
use crate::config::{Config, Secrets};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::Store;
use crate::store::events::{self, EventHead, RoutableEvent};
use crate::telemetry::{causes, metrics};

/// Interval of polling for new events without a notification.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The same while open transactions hold it back: a rollback sends no notification.
const SHORT_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Events that are read at a time.
const PAGE: i64 = 256;

/// Pages that are buffered for the slowest subscriber.
const BUFFERED_PAGES: usize = 64;

/// The maximum number of subscribers, which bounds their memory.
const MAX_SUBSCRIBERS: usize = 10_000;

/// How much earlier than its predecessor an event may be timed.
const JITTER_MICROS: i64 = 2_000_000;

/// An event id, and a time in Unix microseconds that no later event precedes.
pub(super) type Position = (i64, i64);

/// An event with the resume token after it.
#[derive(Debug)]
pub(super) struct PublishedEvent {
    pub(super) routable: Arc<RoutableEvent>,
    pub(super) resume_token: Arc<str>,
}

impl PublishedEvent {
    pub(super) fn position(&self) -> Position {
        position_of(&self.routable)
    }
}

/// Consecutive events of all organizations.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<PublishedEvent>,
    /// Every event up to this position is in this page or an earlier one.
    pub(super) end: Position,
    /// Whether event ids were reset: a failover lost published events.
    pub(super) is_reset: bool,
}

/// A new subscription.
pub(super) struct Subscription {
    /// The position after which the subscriber starts.
    pub(super) start: Position,
    /// The position after which `pages` continues.
    pub(super) now: Position,
    pub(super) pages: broadcast::Receiver<Arc<Page>>,
}

/// Publishes change events to subscribers.
pub struct Publisher {
    store: Store,
    notifications: Notifications,
    cursors: SigningKeys,
    retention: Duration,
    /// The end of the last page; `None` without subscribers.
    /// Locked while a page is sent, so that a new subscriber misses none.
    published: watch::Sender<Option<Position>>,
    pages: broadcast::Sender<Arc<Page>>,
    closing: CancellationToken,
    subscribed: Notify,
}

impl Publisher {
    /// Every watch ends with a resume token when `closing` is cancelled.
    pub fn new(store: Store, config: &Config, secrets: &Secrets, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            notifications: Notifications::new(store.clone(), secrets.database_url.clone()),
            store,
            cursors: secrets.signing_keys.clone(),
            retention: config.event_retention,
            published: watch::Sender::new(None),
            pages: broadcast::Sender::new(BUFFERED_PAGES),
            closing,
            subscribed: Notify::new(),
        })
    }

    /// Publishes events, and notifies other instances, until the future is dropped.
    pub async fn run(self: Arc<Self>) {
        let publish = async {
            loop {
                self.subscribed.notified().await;
                tokio::select! {
                    () = self.publish() => {}
                    never = self.notifications.listen() => match never {},
                }
            }
        };
        tokio::select! {
            never = self.notifications.send() => match never {},
            () = publish => {}
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Completes when the server shuts down.
    pub(super) async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// The position of a resume token; `None` when it is empty.
    pub(super) fn open_token(&self, org: OrgId, resume_token: &str) -> Result<Option<Position>> {
        if resume_token.is_empty() {
            return Ok(None);
        }
        let position = self.cursors.open(org, &scope(), resume_token);
        let expected = "must be a resume token from a watch of the organization's chats";
        position.map(Some).map_err(|_| Error::invalid("resume_token", expected))
    }

    /// The resume token of a position.
    pub(super) fn resume_token(&self, org: OrgId, position: Position) -> Result<Arc<str>> {
        Ok(self.cursors.seal(org, &scope(), &position)?.into())
    }

    /// Subscribes after that position, or from now on.
    pub(super) async fn subscribe(&self, org: OrgId, start: Option<Position>) -> Result<Subscription> {
        if self.pages.receiver_count() >= MAX_SUBSCRIBERS {
            return Err(Error::new(Kind::Overloaded, "too many watches, try again"));
        }
        let mut published = self.published.subscribe();
        self.subscribed.notify_one();
        let (now, pages) = {
            let published = published.wait_for(Option::is_some).await.map_err(Error::unavailable)?;
            // Still locked: the next page follows `now`.
            (published.unwrap_or_default(), self.pages.subscribe())
        };
        let start = match start {
            Some(start) => {
                self.check_retained(org, start, now).await?;
                start
            }
            None => self.current(now).await?,
        };
        Ok(Subscription { start, now, pages })
    }

    /// Rejects a position whose following events may be deleted or lost.
    async fn check_retained(&self, org: OrgId, (last, at): Position, now: Position) -> Result<()> {
        let retention = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        let is_expired = at.saturating_add(retention) < now.1.saturating_add(JITTER_MICROS);
        let read = move |connection: &mut _| events::removed_up_to(connection, org);
        if is_expired || self.store.read(read).await? > last {
            return Err(Error::new(Kind::Gone, "the events after the resume token have expired"));
        }
        // Another instance may have published more than this one.
        if last > now.0 && last > self.store.read(events::head).await?.last {
            return Err(history_lost());
        }
        Ok(())
    }

    /// The latest position that no uncommitted event precedes.
    async fn current(&self, published: Position) -> Result<Position> {
        let head = self.store.read(events::head).await?;
        Ok(if head.writers.is_empty() { published.max(end_of(&head)) } else { published })
    }

    /// Whether there are no subscribers. Publishing then restarts with the next one.
    fn stop_if_unused(&self) -> bool {
        self.published.send_if_modified(|published| {
            let is_unused = self.published.receiver_count() == 0 && self.pages.receiver_count() == 0;
            if is_unused {
                *published = None;
            }
            is_unused
        })
    }

    /// Publishes while there are subscribers.
    async fn publish(&self) {
        let (mut tracker, mut current_at) = (SafePositionTracker::default(), Clock::now());
        while !self.stop_if_unused() {
            let read = self.publish_new(&mut tracker).await;
            match &read {
                Ok(lag) => current_at = Clock::now() - *lag,
                Err(error) => tracing::warn!(reason = causes(error), "reading events failed"),
            }
            metrics::event_lag("watchers", current_at.elapsed());
            let is_held_back = read.is_ok() && tracker.is_held_back();
            let pause = if is_held_back { SHORT_POLL_INTERVAL } else { POLL_INTERVAL };
            // An error means that the pause is over.
            let _ = timeout(pause, self.notifications.received()).await;
        }
        metrics::event_lag("watchers", Duration::ZERO);
    }

    /// Publishes up to the safe position. Returns the maximum age of later events.
    async fn publish_new(&self, tracker: &mut SafePositionTracker) -> Result<Duration> {
        let head = self.store.read(events::head).await?;
        let (last, at) = end_of(&head);
        if let Some(safe) = tracker.update(head) {
            while !self.publish_page(end_of(&safe)).await? {}
        }
        let behind = self.published.borrow().filter(|(published, _)| *published < last);
        let micros = behind.map_or(0, |(_, published_at)| at - published_at);
        Ok(Duration::from_micros(micros.try_into().unwrap_or_default()))
    }

    /// Publishes the next page up to `end`. Returns whether it was the last one.
    async fn publish_page(&self, end: Position) -> Result<bool> {
        let published = *self.published.borrow();
        let is_done = self.published.send_if_modified(|published| {
            let is_done = self.pages.receiver_count() == 0 || published.is_none_or(|(last, _)| end.0 <= last);
            if is_done {
                if published.is_some_and(|(last, _)| end.0 < last) {
                    let _ = self.pages.send(Arc::new(Page { events: Vec::new(), end, is_reset: true }));
                }
                *published = Some(end);
            }
            is_done
        });
        let Some((after, _)) = published.filter(|_| !is_done) else { return Ok(true) };
        let rows =
            self.store.read(move |connection| events::after(connection, None, after, end.0, PAGE)).await?;
        let is_full = i64::try_from(rows.len()) == Ok(PAGE);
        let end = rows.last().filter(|_| is_full).map_or(end, position_of);
        let events = rows.into_iter().map(|row| self.with_token(row)).collect::<Result<_>>()?;
        let page = Arc::new(Page { events, end, is_reset: false });
        self.published.send_modify(|published| {
            // An error means that there are no subscribers.
            let _ = self.pages.send(page);
            *published = Some(end);
        });
        Ok(!is_full)
    }

    /// Events of one organization up to `last`, and whether there are no others.
    pub(super) async fn earlier(
        &self,
        org: OrgId,
        after: i64,
        last: i64,
    ) -> Result<(Vec<PublishedEvent>, bool)> {
        let read = move |connection: &mut _| events::after(connection, Some(org), after, last, PAGE);
        let rows = self.store.read(read).await?;
        let is_complete = i64::try_from(rows.len()) != Ok(PAGE);
        Ok((rows.into_iter().map(|row| self.with_token(row)).collect::<Result<_>>()?, is_complete))
    }

    fn with_token(&self, routable: RoutableEvent) -> Result<PublishedEvent> {
        let resume_token = self.resume_token(routable.org_id, position_of(&routable))?;
        Ok(PublishedEvent { routable: Arc::new(routable), resume_token })
    }

    /// The position with the latest valid time: now, when no event follows it.
    pub(super) fn refreshed(&self, position: Position) -> Position {
        let published = *self.published.borrow();
        published
            .filter(|(last, _)| *last == position.0)
            .map_or(position, |published| published.max(position))
    }
}

/// The error of a watch whose position is not in the database any more.
pub(super) fn history_lost() -> Error {
    let message = "event history was lost in a failover; restart the watch without a token";
    Error::new(Kind::Gone, message)
}

fn position_of(routable: &RoutableEvent) -> Position {
    (routable.event.event_id, routable.event.at.micros())
}

fn end_of(head: &EventHead) -> Position {
    (head.last, head.at.micros())
}

fn scope() -> Scope {
    Scope::of("watch")
}
