//! Receives the webhooks of gateways: checks their signature, and stores their events before they are acknowledged.
//!
//! A request that is not authentic costs no database work beyond a look-up that is cached for seconds. Look-ups of ids by which
//! no authentic request came lately are limited: ids made up in great numbers cost no more than that.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use moka::future::Cache;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gateway::{EmbeddedFile, Gateway, InboundRequest, RawEvent, Received, Refused};
use super::kinds::{self, Kinds};
use super::media::MediaStore;
use super::raw_events::to_store;
use super::wakes::Wakes;
use crate::error::{Error, Kind, Result};
use crate::ids::{ConnectionId, OrgId};
use crate::store::{Connection, Store, StoreResult, Transaction, connections, inbound_events};
use crate::telemetry::{causes, metrics};

/// How long the settings of a connection are used, in which a deleted one still receives.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);
/// Connections whose settings are cached, unknown ids included.
const CAPACITY: u64 = 10_000;
/// Look-ups of connections at a time: unknown ids in great numbers do not delay other work.
const MAX_LOOKUPS: usize = 2;
/// Look-ups a second of ids by which no authentic request came lately.
const MAX_UNKNOWN_LOOKUPS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// How long an id is looked up without that limit after an authentic request.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// Pause between log lines about refused requests.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Requests of one connection that are stored at a time.
const MAX_CONCURRENT: usize = 16;
/// Authentic requests a second of one connection.
const MAX_RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Bytes of requests that are not stored yet, in KiB.
const MAX_KIB: usize = 256 * 1024;

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
    id: ConnectionId,
    kind: &'static str,
    gateway: Arc<dyn Gateway>,
    /// Maximum size of a request, in bytes.
    pub max_body: usize,
}

/// What one connection may do at a time. Outlives the cached settings.
struct Limits {
    places: Semaphore,
    rate: DefaultDirectRateLimiter,
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
            bytes: Arc::new(Semaphore::new(MAX_KIB)),
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
        found.filter(|target| target.kind == kind).ok_or_else(unknown)
    }

    /// Makes room for a request of that size, until it is dropped.
    ///
    /// # Errors
    ///
    /// It is too large, or too many are being received.
    pub fn make_room(&self, target: &Target, bytes: usize) -> Result<OwnedSemaphorePermit, Response> {
        if bytes > target.max_body {
            metrics::inbound_request(target.kind, "too_large");
            return Err(Response::Refused(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes).try_acquire_many_owned(kib).map_err(|_| {
            metrics::inbound_request(target.kind, "overloaded");
            Response::Later(StatusCode::SERVICE_UNAVAILABLE)
        })
    }

    /// Checks the request, stores its events, and wakes their workers.
    pub async fn receive(&self, target: &Target, request: &InboundRequest) -> Response {
        let events = match target.gateway.receive(request) {
            Ok(Received::Challenge(body)) => return Response::Challenge(body),
            Ok(Received::Events(events)) => events,
            Err(Refused { status, reason }) => return self.refuse(target.kind, "refused", status, reason),
        };
        let limits = self.limits.get_with(target.id.clone(), async { Arc::new(Limits::new()) }).await;
        if limits.rate.check().is_err() {
            metrics::inbound_request(target.kind, "limited");
            return Response::Later(StatusCode::TOO_MANY_REQUESTS);
        }
        let Ok(_place) = limits.places.try_acquire() else {
            metrics::inbound_request(target.kind, "overloaded");
            return Response::Later(StatusCode::SERVICE_UNAVAILABLE);
        };
        match self.store(target, events).await {
            Ok(()) => {
                metrics::inbound_request(target.kind, "stored");
                Response::Stored
            }
            Err(error) => later(target.kind, "unavailable", &error),
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
        let gateway = self.kinds.gateway(&row)?;
        let target = |gateway| Target { id, kind: rules.name, gateway, max_body: rules.max_body };
        Ok(gateway.map(|gateway| Arc::new(target(gateway))))
    }

    /// Stores the events in one transaction, each at the connection that it belongs to.
    async fn store(&self, target: &Target, events: Vec<RawEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let (org, id, kind) = (target.id.org(), target.id.clone(), target.kind);
        let mut by_account: BTreeMap<(Option<String>, Option<String>), Vec<_>> = BTreeMap::new();
        for mut event in events {
            self.keep_files(org, &mut event).await?;
            let account = (event.account.clone(), event.business_account.clone());
            by_account.entry(account).or_default().push(to_store(event));
        }
        let write = move |tx: &mut Transaction<'_>| {
            let mut stored = Vec::with_capacity(by_account.len());
            for ((account, business_account), events) in &by_account {
                let owners = match business_account {
                    Some(account) => owners(tx, &id, kind, account)?,
                    None => vec![owner(tx, &id, kind, account.as_deref())?],
                };
                for owner in owners {
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

/// The connection of an account; the receiving one if there is none.
fn owner(
    connection: &mut Connection,
    receiving: &ConnectionId,
    kind: &str,
    account: Option<&str>,
) -> StoreResult<ConnectionId> {
    let Some(account) = account else { return Ok(receiving.clone()) };
    let found = connections::of_account(connection, receiving.org(), kind, account)?;
    Ok(found.unwrap_or_else(|| receiving.clone()))
}

/// The connections of a business account; the receiving one if there are none.
fn owners(
    connection: &mut Connection,
    receiving: &ConnectionId,
    kind: &str,
    account: &str,
) -> StoreResult<Vec<ConnectionId>> {
    let found = connections::of_business_account(connection, receiving.org(), kind, account)?;
    Ok(if found.is_empty() { vec![receiving.clone()] } else { found })
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

impl Limits {
    fn new() -> Self {
        let rate = RateLimiter::direct(Quota::per_second(MAX_RATE));
        Self { places: Semaphore::new(MAX_CONCURRENT), rate }
    }
}
