//! Reads what changes, once for all who watch, and tells them.
//!
//! It is woken when there is something to read. Now and then it looks without that, for what nobody told of. While nobody
//! watches it asks the database nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::time::{Instant as Clock, timeout};
use tokio_util::sync::CancellationToken;

use super::settling::Settling;
use super::wake::Wake;
use super::watcher::{BUFFER, Watcher};
use super::{Viewer, WatchStream};
use crate::config::{Config, Secrets};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::Store;
use crate::store::events::{self, EventHead, RoutableEvent};
use crate::telemetry::{causes, metrics};

/// How often events are looked for without being called.
const NET: Duration = Duration::from_secs(1);
/// The same while a transaction holds some of them back: when it is rolled back, nothing is said.
const HELD_BACK: Duration = Duration::from_millis(50);

/// How many events are read at a time.
pub(super) const PAGE: i64 = 256;

/// How many pages wait for the slowest watcher, before it is left behind.
const PAGES: usize = 64;

/// How many may watch at a time: what is kept for each of them is bounded, and so is the sum.
const WATCHERS: usize = 10_000;

/// Of two events whose numbers were drawn one after the other, the later may have been timed a little before.
const JITTER_MICROS: i64 = 2_000_000;

/// A place among the events: a number, and a moment that no event after it is older than, in Unix microseconds.
pub(super) type Position = (i64, i64);

/// An event, and what begins a watch after it: the same for all who watch.
#[derive(Debug)]
pub(super) struct PublishedEvent {
    pub(super) watched: Arc<RoutableEvent>,
    pub(super) resume_token: Arc<str>,
}

/// Events of all organizations that follow the page before.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<PublishedEvent>,
    /// Up to where there are no others.
    pub(super) end: Position,
    /// Whether the numbers began anew, after a failover that lost some of what was told.
    pub(super) is_anew: bool,
}

/// All who watch.
#[derive(Clone)]
pub struct Publisher(Arc<Hub>);

pub(super) struct Hub {
    store: Store,
    wake: Wake,
    cursors: SigningKeys,
    retention: Duration,
    /// Where the pages so far end; `None` while nobody watches. Pages are sent while it is locked: who looks at it misses none.
    told: watch::Sender<Option<Position>>,
    pages: broadcast::Sender<Arc<Page>>,
    closing: CancellationToken,
    wanted: Notify,
}

impl Publisher {
    /// Nobody watches yet. When `closing` is cancelled, every watch ends, and each watcher is told where to take it up again.
    pub fn new(store: Store, config: &Config, secrets: &Secrets, closing: CancellationToken) -> Self {
        let (told, pages) = (watch::Sender::new(None), broadcast::Sender::new(PAGES));
        Self(Arc::new(Hub {
            wake: Wake::new(store.clone(), secrets.database_url.clone()),
            store,
            cursors: secrets.signing_keys.clone(),
            retention: config.event_retention,
            told,
            pages,
            closing,
            wanted: Notify::new(),
        }))
    }

    /// Tells whoever watches what changes, and other instances that there is something new, until it is dropped.
    pub async fn run(self) {
        let hub = &self.0;
        let tell_watchers = async {
            loop {
                hub.wanted.notified().await;
                tokio::select! {
                    () = hub.tell() => {}
                    never = hub.wake.listen() => match never {},
                }
            }
        };
        tokio::select! {
            never = hub.wake.tell() => match never {},
            () = tell_watchers => {}
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The place that a resume token names; `None` when it is empty.
    pub(super) fn position(&self, org: OrgId, resume_token: &str) -> Result<Option<Position>> {
        if resume_token.is_empty() {
            return Ok(None);
        }
        let place = self.0.cursors.open(org, &scope(), resume_token);
        let expected = "must be one that a watch of the organization's chats gave";
        place.map(Some).map_err(|_| Error::invalid("resume_token", expected))
    }

    /// Begins to watch: at that place, or now.
    pub(super) async fn begin(&self, viewer: Viewer, begin: Option<Position>) -> Result<WatchStream> {
        if self.0.pages.receiver_count() >= WATCHERS {
            return Err(Error::new(Kind::Overloaded, "too many watch already, try again"));
        }
        let mut told = self.0.told.subscribe();
        self.0.wanted.notify_one();
        let (now, pages) = {
            let told = told.wait_for(Option::is_some).await.map_err(Error::unavailable)?;
            // Still locked: the next page comes after `now`.
            (told.unwrap_or_default(), self.0.pages.subscribe())
        };
        if let Some(begin) = begin
            && self.0.is_forgotten(viewer.caller.org, begin, now).await?
        {
            let message = "what changed since the resume token is no longer kept";
            return Err(Error::new(Kind::Gone, message));
        }
        let position = match begin {
            Some(begin) => self.0.reached(begin, now).await?,
            None => self.0.present(now).await?,
        };
        let (tell, watch) = mpsc::channel(BUFFER);
        let watcher = Watcher::new(Arc::clone(&self.0), viewer, position, tell);
        tokio::spawn(watcher.run(now, pages));
        Ok(watch)
    }
}

impl Hub {
    /// Whether nobody watches, or is about to. What is told then begins anew with whoever comes next.
    fn rests(&self) -> bool {
        let mut rests = false;
        self.told.send_if_modified(|told| {
            rests = self.told.receiver_count() == 0 && self.pages.receiver_count() == 0;
            if rests {
                *told = None;
            }
            rests
        });
        rests
    }

    /// Where a watch begins that begins now: as late as nothing is missed that is not settled yet.
    async fn present(&self, told: Position) -> Result<Position> {
        let safe_position = self.store.read(events::head).await?;
        Ok(if safe_position.writers.is_empty() {
            told.max((safe_position.last, safe_position.at.micros()))
        } else {
            told
        })
    }

    /// The place at which a watch is taken up again, if the database came as far. Another instance may have told more.
    async fn reached(&self, begin: Position, told: Position) -> Result<Position> {
        if begin.0 > told.0 && begin.0 > self.store.read(events::head).await?.last {
            return Err(lost());
        }
        Ok(begin)
    }

    /// Tells what changes for as long as somebody watches.
    async fn tell(&self) {
        let (mut settling, mut told_at) = (Settling::default(), Clock::now());
        while !self.rests() {
            let looked = self.look(&mut settling).await;
            match &looked {
                Ok(lag) => told_at = Clock::now() - *lag,
                Err(error) => tracing::warn!(reason = causes(error), "events could not be read"),
            }
            metrics::event_lag("watchers", told_at.elapsed());
            let pause = if looked.is_ok() && settling.is_held_back() { HELD_BACK } else { NET };
            // Whichever is first; an error says that it was the pause.
            let _ = timeout(pause, self.wake.rung()).await;
        }
        metrics::event_lag("watchers", Duration::ZERO);
    }

    /// Looks for new events and tells those that are settled. Says how old others may be.
    async fn look(&self, settling: &mut Settling) -> Result<Duration> {
        let safe_position = self.store.read(events::head).await?;
        let (last, at) = (safe_position.last, safe_position.at.micros());
        if let Some(settled) = settling.settled_by(safe_position) {
            while !self.tell_until(&settled).await? {}
        }
        let behind = self.told.borrow().filter(|told| told.0 < last).map_or(0, |told| at - told.1);
        Ok(Duration::from_micros(behind.try_into().unwrap_or_default()))
    }

    /// Tells the next page of events. Says whether it was the last one up to there.
    async fn tell_until(&self, settled: &EventHead) -> Result<bool> {
        let end = (settled.last, settled.at.micros());
        let done = *self.told.borrow();
        let mut is_done = false;
        self.told.send_if_modified(|told| {
            // Nobody to tell, or nothing.
            is_done = self.pages.receiver_count() == 0 || told.is_none_or(|(last, _)| settled.last <= last);
            if is_done {
                if told.is_some_and(|(last, _)| settled.last < last) {
                    let _ = self.pages.send(Arc::new(Page { events: Vec::new(), end, is_anew: true }));
                }
                *told = Some(end);
            }
            is_done
        });
        let Some((done, _)) = done.filter(|_| !is_done) else { return Ok(true) };
        let last = settled.last;
        let rows = self.store.read(move |connection| events::after(connection, done, last, PAGE)).await?;
        let is_full = i64::try_from(rows.len()) == Ok(PAGE);
        let end = rows.last().filter(|_| is_full).map_or(end, place_of);
        let events = rows.into_iter().map(|watched| self.happened(watched)).collect::<Result<_>>()?;
        let page = Arc::new(Page { events, end, is_anew: false });
        self.told.send_modify(|told| {
            // An error says that nobody watches any more.
            let _ = self.pages.send(page);
            *told = Some(end);
        });
        Ok(!is_full)
    }

    fn happened(&self, watched: RoutableEvent) -> Result<PublishedEvent> {
        let resume_token = self.resume_token(watched.org_id, place_of(&watched))?;
        Ok(PublishedEvent { watched: Arc::new(watched), resume_token })
    }

    /// Events of one organization that were told before the watcher came.
    pub(super) async fn earlier(&self, org: OrgId, after: i64, up_to: i64) -> Result<Vec<PublishedEvent>> {
        let read = move |connection: &mut _| events::after_of(connection, org, after, up_to, PAGE);
        self.store.read(read).await?.into_iter().map(|watched| self.happened(watched)).collect()
    }

    /// The same place, as late as can be said: when nothing happened since, it is now.
    pub(super) fn up_to_date(&self, position: Position) -> Position {
        self.told.borrow().filter(|told| told.0 == position.0).map_or(position, |told| told.max(position))
    }

    pub(super) fn resume_token(&self, org: OrgId, position: Position) -> Result<Arc<str>> {
        Ok(self.cursors.seal(org, &scope(), &position)?.into())
    }

    /// Completes when the service is about to stop.
    pub(super) async fn stopped(&self) {
        self.closing.cancelled().await;
    }

    /// Whether events after that place may have been removed: by now, or earlier by whoever kept them for less time.
    async fn is_forgotten(&self, org: OrgId, (last, at): Position, now: Position) -> Result<bool> {
        let retention = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        if at.saturating_add(retention) < now.1.saturating_add(JITTER_MICROS) {
            return Ok(true);
        }
        let removed = move |connection: &mut _| events::removed_up_to(connection, org);
        Ok(self.store.read(removed).await? > last)
    }
}

/// Why a watch cannot go on where it was, nor be taken up again there.
pub(super) fn lost() -> Error {
    Error::new(Kind::Gone, "the database lost some of what was told, begin anew")
}

/// The place right after an event.
pub(super) fn place_of(watched: &RoutableEvent) -> Position {
    (watched.event.event_id, Instant::micros(watched.event.at))
}

fn scope() -> Scope {
    Scope::of("watch")
}
