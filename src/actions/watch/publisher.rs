//! Reads change events once for all subscribers of an organization on this instance, and broadcasts them.
//!
//! A notification triggers a read; a slow poll finds the rest. Without subscribers there are no queries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant as Clock, timeout_at};
use tokio_util::sync::CancellationToken;

use super::feeds::{Feeds, Page, PageKind, PublishedEvent};
use super::lag::with_lag;
use super::notifications::Notifications;
use super::position::Position;
use crate::config::{Config, Secrets};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::events::{self, DetailedEvent, Head, Range};
use crate::store::{Changed, Connection, Store};
use crate::telemetry::{causes, metrics};

/// Interval of polling for new events without a notification.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Events that are read at a time.
const PAGE: usize = 256;

/// Events of a feed that are read together.
struct Part {
    org: OrgId,
    start: Position,
    end: Position,
    ranges: Vec<Range>,
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
    feeds: Feeds,
    closing: CancellationToken,
    subscribed: Notify,
}

impl Publisher {
    /// Every watch ends with a resume token when `closing` is cancelled.
    pub fn new(store: Store, config: &Config, secrets: &Secrets, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            notifications: Notifications::new(store.clone(), secrets.database_direct_url.clone()),
            store,
            cursors: secrets.signing_keys.clone(),
            retention: config.event_retention,
            feeds: Feeds::default(),
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
        let head = match start {
            None => self.store.read(move |connection| events::head(connection, org)).await?,
            Some(start) => self.check(org, start).await?,
        };
        let (now, pages) = self.feeds.subscribe(org, &head);
        // The events after `head` may have been signalled before the feed existed.
        self.subscribed.notify_one();
        self.notifications.wake(org);
        let start = start.unwrap_or_else(|| Position::of(&head).max(now));
        Ok(Subscription { start, now, pages })
    }

    /// Rejects a position whose following events may be deleted or lost.
    async fn check(&self, org: OrgId, position: Position) -> Result<Head> {
        let (head, checked) = self.compare(org, position).await?;
        checked.map(|()| head)
    }

    /// The end of the event log, and whether the events after a position may be deleted or lost.
    async fn compare(&self, org: OrgId, position: Position) -> Result<(Head, Result<()>)> {
        let positions = position.events;
        let read = move |connection: &mut _| events::head_and_time(connection, org, &positions);
        let (head, time_here) = self.store.read(read).await?;
        Ok((head, position.check(&head, time_here, self.retention)))
    }

    /// Publishes while there are subscribers.
    async fn publish(&self) {
        let (mut current_at, mut is_current) = (Clock::now(), true);
        let (mut polled_at, mut changed) = (Clock::now(), Changed::All);
        loop {
            let watched = self.feeds.orgs();
            if watched.is_empty() {
                break;
            }
            let orgs = match changed {
                Changed::Orgs(changed) if is_current => watched.intersection(&changed).copied().collect(),
                Changed::Orgs(_) | Changed::All => {
                    polled_at = Clock::now();
                    Vec::from_iter(watched)
                }
            };
            let result = with_lag(current_at, self.publish_new(orgs)).await;
            match &result {
                Ok(()) => current_at = Clock::now(),
                Err(error) => tracing::warn!(reason = causes(error), "reading events failed"),
            }
            metrics::event_lag("watchers", current_at.elapsed());
            is_current = result.is_ok();
            // A notification may be missed, so every organization is polled, however many notifications there are.
            let received = timeout_at(polled_at + POLL_INTERVAL, self.notifications.received()).await;
            changed = received.unwrap_or(Changed::All);
        }
        metrics::event_lag("watchers", Duration::ZERO);
    }

    /// Resets the feeds whose events are not in the database any more.
    async fn check_feeds(&self, orgs: &[OrgId]) -> Result<()> {
        for org in orgs {
            let Some(published) = self.feeds.published(*org) else { continue };
            match self.compare(*org, published).await? {
                (head, Ok(())) => self.feeds.moved(*org, &head),
                (head, Err(error)) if error.kind() == Kind::Gone => self.feeds.reset(*org, &head),
                (_, Err(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Publishes what the organizations' event logs have beyond their feeds.
    async fn publish_new(&self, orgs: Vec<OrgId>) -> Result<()> {
        if orgs.is_empty() {
            return Ok(());
        }
        let heads = self.store.read(move |connection| events::heads(connection, &orgs)).await?;
        let has_moved = |(org, head): (&OrgId, &Head)| self.feeds.has_moved(*org, head).then_some(*org);
        let moved: Vec<OrgId> = heads.iter().filter_map(has_moved).collect();
        if !moved.is_empty() {
            // Events with the same numbers may be others.
            self.check_feeds(&moved).await?;
            moved.into_iter().for_each(|org| self.notifications.wake(org));
            return Ok(());
        }
        let mut behind = Vec::new();
        for (org, head) in heads {
            let (published, end) = (self.feeds.published(org), Position::of(&head));
            match published.map(|published| published.events) {
                Some(published) if published.exceeds(&head.last) => self.feeds.reset(org, &head),
                Some(published) if head.last.exceeds(&published) => behind.push((org, end)),
                Some(_) | None => self.feeds.refresh(org, end),
            }
        }
        loop {
            let parts = self.next_parts(&behind);
            if parts.is_empty() {
                return Ok(());
            }
            self.publish_parts(parts).await?;
        }
    }

    /// The next events of the feeds that are behind, at most a page in total.
    fn next_parts(&self, behind: &[(OrgId, Position)]) -> Vec<Part> {
        let (mut parts, mut left) = (Vec::new(), PAGE);
        for (org, end) in behind {
            let Some(start) = self.feeds.published(*org) else { continue };
            let ranges = start.events.ranges(&end.events, left);
            if ranges.is_empty() {
                continue;
            }
            left = left.saturating_sub(ranges.iter().map(Range::count).sum());
            let events = start.events.after_ranges(&ranges);
            let end =
                if end.events.exceeds(&events) { Position { events, ..start } } else { start.max(*end) };
            parts.push(Part { org: *org, start, end, ranges });
            if left == 0 {
                break;
            }
        }
        parts
    }

    async fn publish_parts(&self, parts: Vec<Part>) -> Result<()> {
        let ranges: Vec<(OrgId, Range)> =
            parts.iter().flat_map(|part| part.ranges.iter().map(|range| (part.org, *range))).collect();
        let found = self.read_ranges(ranges).await?;
        let mut events_of: BTreeMap<OrgId, Vec<DetailedEvent>> = BTreeMap::new();
        found.into_iter().for_each(|event| events_of.entry(event.routable.org_id).or_default().push(event));
        for Part { org, start, end, .. } in parts {
            let mut position = start;
            let events = events_of.remove(&org).unwrap_or_default().into_iter().map(|event| {
                position = position.after(&event.routable);
                let resume_token = self.resume_token(org, position)?;
                Ok(PublishedEvent { event: Arc::new(event), position, resume_token })
            });
            let events = events.collect::<Result<_>>()?;
            self.feeds.publish(org, Page { events, end, kind: PageKind::Next });
        }
        Ok(())
    }

    async fn read_ranges(&self, ranges: Vec<(OrgId, Range)>) -> Result<Vec<DetailedEvent>> {
        let read = move |connection: &mut Connection| {
            let events = events::of_ranges(connection, &ranges)?;
            events::with_messages(connection, events)
        };
        self.store.read(read).await
    }

    /// Events of one organization after a position and up to another, and the position after them.
    ///
    /// # Errors
    ///
    /// Some of them are not stored any more.
    pub(super) async fn earlier(
        &self,
        org: OrgId,
        start: Position,
        end: Position,
    ) -> Result<(Vec<DetailedEvent>, Position)> {
        let ranges = start.events.ranges(&end.events, PAGE);
        let after = Position { events: start.events.after_ranges(&ranges), ..start };
        let count: usize = ranges.iter().map(Range::count).sum();
        let ranges: Vec<(OrgId, Range)> = ranges.into_iter().map(|range| (org, range)).collect();
        let found = self.read_ranges(ranges).await?;
        // Numbers have no gaps, unless an operator skipped some after a restore.
        if found.len() < count && after.events.exceeds(&self.check(org, start).await?.last) {
            return Err(Error::new(Kind::Unavailable, "events were not found: resume the watch"));
        }
        let after = found.iter().fold(after, |position, event| position.after(&event.routable));
        Ok((found, if end.events.exceeds(&after.events) { after } else { after.max(end) }))
    }

    /// The position with the latest valid time: now, when no event follows it.
    pub(super) fn refreshed(&self, org: OrgId, position: Position) -> Position {
        let published = self.feeds.published(org).filter(|published| published.events == position.events);
        published.map_or(position, |published| published.max(position))
    }
}

fn scope() -> Scope {
    Scope::of("watch")
}
