//! The event feeds of the organizations that have subscribers on this instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::position::Position;
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::events::{DetailedEvent, Head};

/// Pages that are buffered for the slowest subscriber.
const BUFFERED_PAGES: usize = 64;

/// An event with the position after it, and its resume token.
#[derive(Debug)]
pub(super) struct PublishedEvent {
    pub(super) event: Arc<DetailedEvent>,
    pub(super) position: Position,
    pub(super) resume_token: Arc<str>,
}

/// Consecutive events of an organization.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<PublishedEvent>,
    /// Every event up to this position is in this page or an earlier one.
    pub(super) end: Position,
    pub(super) kind: PageKind,
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    /// The next events.
    Next,
    /// Published events are not in the database any more: a failover lost them.
    Reset,
    /// Another server has the published events. It may not have events after them that a subscriber received elsewhere.
    Moved,
}

/// What the subscribers of an organization receive.
struct Feed {
    /// The end of the last page.
    published: Position,
    /// The server that was found to have the published events.
    server: Instant,
    pages: broadcast::Sender<Arc<Page>>,
}

impl Feed {
    fn send(&mut self, page: Page) {
        self.published = page.end;
        // An error means that the last subscriber has left.
        let _ = self.pages.send(Arc::new(page));
    }
}

/// A feed for each organization with subscribers.
#[derive(Default)]
pub(super) struct Feeds(Mutex<BTreeMap<OrgId, Feed>>);

impl Feeds {
    /// The position after which the receiver's pages continue: `head` for the first subscriber of the organization.
    pub(super) fn subscribe(&self, org: OrgId, head: &Head) -> (Position, broadcast::Receiver<Arc<Page>>) {
        self.with(|feeds| {
            let feed = feeds.entry(org).or_insert_with(|| Feed {
                published: Position::of(head),
                server: head.server,
                pages: broadcast::Sender::new(BUFFERED_PAGES),
            });
            (feed.published, feed.pages.subscribe())
        })
    }

    /// Where the feed of an organization ends; `None` without subscribers.
    pub(super) fn published(&self, org: OrgId) -> Option<Position> {
        self.with(|feeds| feeds.get(&org).map(|feed| feed.published))
    }

    /// Sends a page to the organization's subscribers.
    pub(super) fn publish(&self, org: OrgId, page: Page) {
        self.with(|feeds| {
            if let Some(feed) = feeds.get_mut(&org) {
                feed.send(page);
            }
        });
    }

    /// Whether the head comes from another server than the published events.
    pub(super) fn has_moved(&self, org: OrgId, head: &Head) -> bool {
        self.with(|feeds| feeds.get(&org).is_some_and(|feed| feed.server != head.server))
    }

    /// Continues a feed on another server, which has the published events.
    pub(super) fn moved(&self, org: OrgId, head: &Head) {
        self.with(|feeds| {
            if let Some(feed) = feeds.get_mut(&org) {
                feed.server = head.server;
                feed.send(Page { events: Vec::new(), end: feed.published, kind: PageKind::Moved });
            }
        });
    }

    /// Begins a feed anew: its events are not in the database any more.
    pub(super) fn reset(&self, org: OrgId, head: &Head) {
        self.with(|feeds| {
            if let Some(feed) = feeds.get_mut(&org) {
                feed.server = head.server;
                feed.send(Page { events: Vec::new(), end: Position::of(head), kind: PageKind::Reset });
            }
        });
    }

    /// Moves the end of a feed to a later time: there are no events in between.
    pub(super) fn refresh(&self, org: OrgId, end: Position) {
        self.with(|feeds| {
            if let Some(feed) = feeds.get_mut(&org) {
                feed.published = feed.published.max(end);
            }
        });
    }

    /// The organizations with subscribers. Drops the feeds of others.
    pub(super) fn orgs(&self) -> BTreeSet<OrgId> {
        self.with(|feeds| {
            feeds.retain(|_, feed| feed.pages.receiver_count() > 0);
            feeds.keys().copied().collect()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<OrgId, Feed>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
