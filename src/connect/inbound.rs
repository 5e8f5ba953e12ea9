//! Receives the webhooks of gateways: checks their signature, and stores their events before they are acknowledged.
//!
//! A request that is not authentic costs no database work beyond a look-up that is cached for seconds. Look-ups of ids that
//! were not found to be a connection lately are limited: ids made up in great numbers cost no more than that.

mod limits;
mod owners;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use moka::future::Cache;
use serde_json::Value;
use tokio::sync::Semaphore;

use self::limits::{Limits, room_of_all};
use self::owners::{Account, Receiver};
use super::gateway::{EmbeddedFile, Gateway, InboundRequest, RawEvent, Received, Refused};
use super::kinds::{self, Kinds};
use super::media::MediaStore;
use super::raw_events::to_store;
use super::wakes::Wakes;
use crate::error::{Error, Kind, Result};
use crate::ids::{ConnectionId, OrgId};
use crate::store::{Store, Transaction, connections, inbound_events};
use crate::telemetry::{causes, metrics};

pub use self::limits::Room;

/// How long the settings of a connection are used, in which a deleted one still receives.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);
/// Connections whose settings are cached, unknown ids included.
const CAPACITY: u64 = 10_000;
/// Look-ups of connections at a time: unknown ids in great numbers do not delay other work.
const MAX_LOOKUPS: usize = 2;
/// Look-ups a second of ids that were not found to be a connection lately.
const MAX_UNKNOWN_LOOKUPS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// How long an id that was found is looked up without that limit.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// Pause between log lines about refused requests.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The response to a request of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The events are stored.
    Stored,
    /// The body that a verification request asks for.
    Challenge(String),
    /// The request is refused with this status.
    Refused(StatusCode),
    /// The request cannot be stored now: 503, or 429 above the rate.
    Later(StatusCode),
}

/// The inbound endpoint of all connections.
pub struct Inbound {
    store: Store,
    kinds: Kinds,
    wakes: Wakes,
    media: MediaStore,
    targets: Cache<ConnectionId, Option<Arc<Target>>>,
    limits: Cache<ConnectionId, Arc<Limits>>,
    lookups: Semaphore,
    unknown_lookups: DefaultDirectRateLimiter,
    log_lines: DefaultDirectRateLimiter,
    bytes: Arc<Semaphore>,
}

/// A connection as its endpoint needs it.
pub struct Target {
    receiver: Arc<Receiver>,
    gateway: Arc<dyn Gateway>,
    limits: Arc<Limits>,
    /// Maximum size of a request, in bytes.
    pub max_body: usize,
}

impl Inbound {
    /// An endpoint that stores events and their files, and wakes the workers of this process.
    pub fn new(store: Store, kinds: Kinds, wakes: Wakes, media: MediaStore) -> Self {
        Self {
            store,
            kinds,
            wakes,
            media,
            targets: Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build(),
            limits: Cache::builder().max_capacity(CAPACITY).time_to_idle(KNOWN_FOR).build(),
            lookups: Semaphore::new(MAX_LOOKUPS),
            unknown_lookups: RateLimiter::direct(Quota::per_second(MAX_UNKNOWN_LOOKUPS)),
            log_lines: RateLimiter::direct(log_quota()),
            bytes: room_of_all(),
        }
    }

    /// The connection of a path `{kind}/{connection id}`.
    ///
    /// # Errors
    ///
    /// There is no such connection, or it cannot be looked up now.
    pub async fn target(&self, path: &str) -> Result<Arc<Target>, Response> {
        let unknown = || self.refuse("-", "unknown", StatusCode::NOT_FOUND, "there is no such connection");
        let (kind, id) = path.split_once('/').ok_or_else(unknown)?;
        let id: ConnectionId = id.parse().map_err(|_| unknown())?;
        let found = match self.targets.get(&id).await {
            Some(found) => found,
            None if self.exceeds_lookups(&id) => {
                metrics::inbound_request("-", "limited");
                return Err(Response::Later(StatusCode::TOO_MANY_REQUESTS));
            }
            None => {
                let loaded = self.targets.try_get_with(id.clone(), self.load(id)).await;
                loaded.map_err(|error| later("-", "unavailable", &error))?
            }
        };
        found.filter(|target| target.kind() == kind).ok_or_else(unknown)
    }

    /// Makes room for a request whose headers announce that many bytes, if they do, until it is dropped.
    ///
    /// # Errors
    ///
    /// It is too large, or too many are being received.
    pub fn make_room(&self, target: &Target, announced: Option<usize>) -> Result<Room, Response> {
        if announced.is_some_and(|bytes| bytes > target.max_body) {
            return Err(too_large(target));
        }
        target.limits.room(&self.bytes).ok_or_else(|| overloaded(target))
    }

    /// Makes room for that many bytes of the request that have arrived.
    ///
    /// # Errors
    ///
    /// It is too large, or too much is being received.
    pub fn extend_room(target: &Target, room: &mut Room, bytes: usize) -> Result<(), Response> {
        if bytes > target.max_body.saturating_sub(room.bytes()) {
            return Err(too_large(target));
        }
        if room.grow(bytes) { Ok(()) } else { Err(overloaded(target)) }
    }

    /// Checks the request, stores its events, and wakes their workers.
    pub async fn receive(&self, target: &Target, request: &InboundRequest) -> Response {
        let events = match target.gateway.receive(request) {
            Ok(Received::Challenge(body)) => return Response::Challenge(body),
            Ok(Received::Events(events)) => events,
            Err(Refused { status, reason }) => return self.refuse(target.kind(), "refused", status, reason),
        };
        if target.limits.rate.check().is_err() {
            metrics::inbound_request(target.kind(), "limited");
            return Response::Later(StatusCode::TOO_MANY_REQUESTS);
        }
        let Ok(_place) = target.limits.places.try_acquire() else { return overloaded(target) };
        match self.store(&target.receiver, events).await {
            Ok(()) => {
                metrics::inbound_request(target.kind(), "stored");
                Response::Stored
            }
            Err(error) => later(target.kind(), "unavailable", &error),
        }
    }

    /// Whether the id is not known to be a connection, and too many such ids were looked up.
    fn exceeds_lookups(&self, id: &ConnectionId) -> bool {
        !self.limits.contains_key(id) && !self.wakes.has(id) && self.unknown_lookups.check().is_err()
    }

    /// Counts a request that is refused, and logs one of many.
    fn refuse(
        &self,
        kind: &'static str,
        outcome: &'static str,
        status: StatusCode,
        reason: &'static str,
    ) -> Response {
        metrics::inbound_request(kind, outcome);
        if self.log_lines.check().is_ok() {
            tracing::warn!(kind, reason, "requests to the webhooks of connections are refused");
        }
        Response::Refused(status)
    }

    async fn load(&self, id: ConnectionId) -> Result<Option<Arc<Target>>> {
        let _permit = self.lookups.acquire().await.map_err(Error::internal)?;
        let (org, key) = (id.org(), id.clone());
        let found = self.store.read(move |connection| connections::find(connection, org, &key)).await?;
        let Some(row) = found.filter(|row| row.enabled) else { return Ok(None) };
        let Some(rules) = kinds::rules(&row.kind) else { return Ok(None) };
        let Some(gateway) = self.kinds.gateway(&row)? else { return Ok(None) };
        let secret = self.kinds.secrets(&row)?.webhook_secret;
        let limits = self.limits.get_with(id.clone(), async { Arc::new(Limits::new()) }).await;
        let receiver = Arc::new(Receiver { id, kind: rules.name, url: row.url, secret });
        Ok(Some(Arc::new(Target { receiver, gateway, limits, max_body: rules.max_body })))
    }

    /// Stores the events in one transaction, each at the connections that it belongs to.
    async fn store(&self, receiver: &Arc<Receiver>, events: Vec<RawEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let org = receiver.id.org();
        let mut by_account: BTreeMap<Account, Vec<_>> = BTreeMap::new();
        for mut event in events {
            self.keep_files(org, &mut event).await?;
            by_account.entry(Account::of(&event)).or_default().push(to_store(event));
        }
        let (receiver, kinds) = (Arc::clone(receiver), self.kinds.clone());
        let write = move |tx: &mut Transaction<'_>| {
            let mut stored = Vec::with_capacity(by_account.len());
            for (account, events) in &by_account {
                for owner in receiver.owners(tx, &kinds, account)? {
                    inbound_events::insert(tx, org, &owner, events)?;
                    stored.push(owner);
                }
            }
            Ok(stored)
        };
        let stored = self.store.write(org, write).await?;
        stored.iter().for_each(|id| self.wakes.wake_events(id));
        Ok(())
    }

    /// Puts the files of an event into the media store.
    async fn keep_files(&self, org: OrgId, event: &mut RawEvent) -> Result<()> {
        for EmbeddedFile { place, mime_type, bytes } in std::mem::take(&mut event.files) {
            let stored = match self.media.put_bytes(org, mime_type.as_deref(), bytes).await {
                Ok(stored) => serde_json::to_value(stored).map_err(Error::internal)?,
                // Its message is stored all the same.
                Err(error) if error.kind() == Kind::TooLarge => Value::Null,
                Err(error) => return Err(error),
            };
            if let Some(place) = event.body.pointer_mut(&place) {
                *place = stored;
            }
        }
        Ok(())
    }
}

impl Target {
    fn kind(&self) -> &'static str {
        self.receiver.kind
    }
}

fn too_large(target: &Target) -> Response {
    metrics::inbound_request(target.kind(), "too_large");
    Response::Refused(StatusCode::PAYLOAD_TOO_LARGE)
}

fn overloaded(target: &Target) -> Response {
    metrics::inbound_request(target.kind(), "overloaded");
    Response::Later(StatusCode::SERVICE_UNAVAILABLE)
}

fn later(kind: &'static str, outcome: &'static str, error: &Error) -> Response {
    metrics::inbound_request(kind, outcome);
    tracing::warn!(reason = causes(error), "a request of a gateway cannot be stored now");
    Response::Later(StatusCode::SERVICE_UNAVAILABLE)
}

/// One line an interval.
fn log_quota() -> Quota {
    Quota::with_period(LOG_INTERVAL).unwrap_or(Quota::per_second(NonZeroU32::MIN))
}
