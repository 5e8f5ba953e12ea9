//! Sends the events of one watch: earlier ones, new ones, and heartbeats.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::feeds::{Page, PageKind, PublishedEvent};
use super::filter::Filter;
use super::position::{Position, history_lost};
use super::publisher::{Publisher, Subscription};
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::store::events::DetailedEvent;

/// Messages that a client may leave unread.
const UNREAD: usize = 32;
/// The final resume token and the reason of the end. Their room is reserved.
const FINAL_MESSAGES: usize = 2;
/// The capacity of the channel.
pub(super) const BUFFER: usize = UNREAD + FINAL_MESSAGES;

/// How long a full channel may block before the watch ends.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Interval of heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Maximum duration of a watch, so that clients redistribute over the instances.
const MAX_DURATION: Duration = Duration::from_secs(600);

/// A message of a watch: an event, or a heartbeat without one.
#[derive(Clone, Debug)]
pub struct WatchMessage {
    /// The event; `None` in a heartbeat.
    pub change: Option<Arc<DetailedEvent>>,
    /// Resumes the watch after this message.
    pub resume_token: Arc<str>,
}

/// A client that watches.
pub(super) struct Subscriber {
    pub(super) publisher: Arc<Publisher>,
    pub(super) caller: Arc<Caller>,
    pub(super) credential_check: CredentialCheck,
    pub(super) filter: Filter,
    pub(super) sender: mpsc::Sender<Result<WatchMessage>>,
}

impl Subscriber {
    /// Sends events until the watch ends.
    pub(super) async fn run(self, subscription: Subscription) {
        // Reserved at the start, because the channel of a slow client is full at the end.
        let reserve = || self.sender.clone().try_reserve_owned();
        let (Ok(token), Ok(reason)) = (reserve(), reserve()) else { return };
        let Subscription { start: mut position, now, pages } = subscription;
        let end = tokio::select! {
            Err(end) = self.send_all(&mut position, now, pages) => end,
            end = self.credential_check.lost(&self.caller) => end,
            () = self.publisher.closed() => unavailable("the service is shutting down"),
            () = sleep(MAX_DURATION) => unavailable("the watch reached its maximum duration"),
            () = self.sender.closed() => return,
        };
        token.send(self.heartbeat(position));
        reason.send(Err(end));
    }

    async fn send_all(
        &self,
        position: &mut Position,
        now: Position,
        mut pages: broadcast::Receiver<Arc<Page>>,
    ) -> Result<Infallible> {
        self.send_earlier(position, now).await?;
        self.send(self.heartbeat(*position)).await?;
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                page = pages.recv() => match page {
                    Ok(page) if page.kind == PageKind::Reset => return Err(history_lost()),
                    // Only a new watch checks the position of this one.
                    Ok(page) if page.kind == PageKind::Moved && position.events.exceeds(&page.end.events) => {
                        return Err(unavailable("the database is on another server: resume the watch"));
                    }
                    Ok(page) => {
                        for PublishedEvent { event, position: after, resume_token } in &page.events {
                            self.send_event(position, event, Some((after, resume_token))).await?;
                        }
                        *position = page.end.max(*position);
                    }
                    Err(RecvError::Lagged(_)) => return Err(unavailable("the reader is too slow")),
                    Err(RecvError::Closed) => return Err(unavailable("the service is shutting down")),
                },
                _ = heartbeat.tick() => self.send(self.heartbeat(*position)).await?,
            }
        }
    }

    /// Sends the events up to `now`.
    async fn send_earlier(&self, position: &mut Position, now: Position) -> Result<()> {
        while now.events.exceeds(&position.events) {
            let (events, after) = self.publisher.earlier(self.caller.org, *position, now).await?;
            for event in events {
                self.send_event(position, &Arc::new(event), None).await?;
            }
            *position = after.max(*position);
        }
        Ok(())
    }

    /// Sends an event if it is new and matches the filter. `published` is the position after it in the feed, and its token.
    async fn send_event(
        &self,
        position: &mut Position,
        event: &Arc<DetailedEvent>,
        published: Option<(&Position, &Arc<str>)>,
    ) -> Result<()> {
        let routable = &event.routable;
        if position.events.includes(routable.event.event_id) || !self.filter.matches(routable) {
            return Ok(());
        }
        let after = published.map_or(*position, |(after, _)| position.max(*after)).after(routable);
        let resume_token = match published {
            // A subscriber that resumed may be ahead of the feed.
            Some((published, token)) if *published == after => Arc::clone(token),
            Some(_) | None => self.publisher.resume_token(self.caller.org, after)?,
        };
        self.send(Ok(WatchMessage { change: Some(Arc::clone(event)), resume_token })).await?;
        *position = after;
        Ok(())
    }

    fn heartbeat(&self, position: Position) -> Result<WatchMessage> {
        // Without events the position's time would grow old, until the token seems to have expired.
        let position = self.publisher.refreshed(self.caller.org, position);
        let resume_token = self.publisher.resume_token(self.caller.org, position)?;
        Ok(WatchMessage { change: None, resume_token })
    }

    async fn send(&self, message: Result<WatchMessage>) -> Result<()> {
        // Fails also when the client has closed the stream: then the watch is over.
        let sent = self.sender.send_timeout(message, SEND_TIMEOUT).await;
        sent.map_err(|_| unavailable("the reader is too slow"))
    }
}

fn unavailable(reason: &'static str) -> Error {
    Error::new(Kind::Unavailable, reason)
}
