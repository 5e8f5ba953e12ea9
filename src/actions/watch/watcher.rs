//! One who watches: what was before, what comes, and a sign of life now and then.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::hub::{Hub, PAGE, Page, Position, PublishedEvent, lost, place_of};
use super::{Viewer, WatchMessage};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;

/// What a watcher may leave unread, besides its last words.
const UNREAD: usize = 32;
/// How the channel to a watcher is made: room for what it leaves unread, and for its last words.
pub(super) const BUFFER: usize = UNREAD + LAST_WORDS;
/// Where to take the watch up again, and why it ended.
const LAST_WORDS: usize = 2;

/// How long a watcher may take to read what it was told.
const SLOWEST: Duration = Duration::from_secs(10);

/// How long nothing is told, before the watcher is told that.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How long a watch lasts, so that watchers spread anew over the instances there are by then.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) struct Watcher {
    hub: Arc<Hub>,
    org: OrgId,
    viewer: Viewer,
    /// Up to where the watcher knows everything.
    position: Position,
    tell: mpsc::Sender<Result<WatchMessage>>,
}

impl Watcher {
    pub(super) fn new(
        hub: Arc<Hub>,
        viewer: Viewer,
        position: Position,
        tell: mpsc::Sender<Result<WatchMessage>>,
    ) -> Self {
        Self { hub, org: viewer.caller.org, viewer, position, tell }
    }

    /// Tells what happened up to `now`, and then the pages, until there is a reason to end.
    pub(super) async fn run(mut self, now: Position, pages: broadcast::Receiver<Arc<Page>>) {
        let (hub, tell) = (Arc::clone(&self.hub), self.tell.clone());
        let (caller, credential_check) =
            (Arc::clone(&self.viewer.caller), self.viewer.credential_check.clone());
        // Room for the last words is kept from the beginning: the slowest watcher has none left later.
        let (Ok(token), Ok(reason)) = (tell.clone().try_reserve_owned(), tell.clone().try_reserve_owned())
        else {
            return;
        };
        let end = tokio::select! {
            Err(end) = self.tell_all(now, pages) => end,
            end = credential_check.lost(&caller) => end,
            () = hub.stopped() => again("the service is stopping"),
            () = sleep(LONGEST) => again("a watch does not last longer"),
            () = tell.closed() => return,
        };
        token.send(self.sign_of_life());
        reason.send(Err(end));
    }

    async fn tell_all(
        &mut self,
        now: Position,
        mut pages: broadcast::Receiver<Arc<Page>>,
    ) -> Result<Infallible> {
        self.tell_earlier(now).await?;
        self.send(self.sign_of_life()).await?;
        let mut quiet = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
        quiet.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                page = pages.recv() => match page {
                    Ok(page) if page.is_anew => return Err(lost()),
                    Ok(page) => {
                        for event in &page.events {
                            self.tell(event).await?;
                        }
                        self.position = self.position.max(page.end);
                    }
                    Err(RecvError::Lagged(_)) => return Err(again("the reader is too slow")),
                    Err(RecvError::Closed) => return Err(again("the service is stopping")),
                },
                _ = quiet.tick() => self.send(self.sign_of_life()).await?,
            }
        }
    }

    /// What happened before the first page.
    async fn tell_earlier(&mut self, now: Position) -> Result<()> {
        while self.position.0 < now.0 {
            let rows = self.hub.earlier(self.org, self.position.0, now.0).await?;
            let is_full = i64::try_from(rows.len()) == Ok(PAGE);
            for event in rows {
                self.tell(&event).await?;
                self.position = place_of(&event.watched);
            }
            if !is_full {
                self.position = now;
            }
        }
        Ok(())
    }

    /// Tells of an event, if it is one that the watcher looks for and does not know yet.
    async fn tell(&mut self, PublishedEvent { watched, resume_token }: &PublishedEvent) -> Result<()> {
        if watched.org_id != self.org
            || watched.event.event_id <= self.position.0
            || !self.viewer.filter.passes(watched)
        {
            return Ok(());
        }
        let told = WatchMessage { change: Some(Arc::clone(watched)), resume_token: Arc::clone(resume_token) };
        self.send(Ok(told)).await?;
        self.position = place_of(watched);
        Ok(())
    }

    /// Nothing but where to take the watch up again.
    fn sign_of_life(&self) -> Result<WatchMessage> {
        // While nothing happens its moment would grow old, until it seems to be no longer kept.
        let resume_token = self.hub.resume_token(self.org, self.hub.up_to_date(self.position))?;
        Ok(WatchMessage { change: None, resume_token })
    }

    async fn send(&self, told: Result<WatchMessage>) -> Result<()> {
        // Also when nobody listens any more: then the watch is over.
        self.tell.send_timeout(told, SLOWEST).await.map_err(|_| again("the reader is too slow"))
    }
}

fn again(reason: &'static str) -> Error {
    Error::new(Kind::Unavailable, reason)
}
