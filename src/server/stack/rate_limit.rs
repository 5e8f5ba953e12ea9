//! Rate limits of each api-key or member and of each organization.
//! Every instance counts by itself.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::caller::{Caller, Principal};
use crate::config::RateLimits;
use crate::error::{Error, Kind};
use crate::ids::OrgId;
use crate::server::protocols::protocol::Protocol;
use crate::server::types::Rejection;
use crate::telemetry::metrics;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until the whole limit is available again.
/// Limits are per second, so it is always 1.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// Milliseconds until gRPC clients retry by themselves: gRFC A6.
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// After how many requests idle callers are evicted.
/// It keeps the memory proportional to the callers of the last second.
const EVICTION_INTERVAL: u32 = 1024;

type Limiter<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, StateInformationMiddleware>;

/// The rate limiters of authenticated callers.
/// Other requests are not counted, so made-up tokens use no memory.
pub struct RateLimiters<C: Clock = DefaultClock> {
    keys: Option<Limiter<(OrgId, Principal), C>>,
    orgs: Option<Limiter<OrgId, C>>,
    clock: C,
    requests: AtomicU32,
}

/// What the stricter limit of a caller still allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a second.
    limit: u32,
    /// Requests that may follow at once.
    remaining: u32,
}

/// The limit that a request exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// `key_rate` or `org_rate`, for the metric.
    reason: &'static str,
    message: &'static str,
    /// Requests a second.
    limit: u32,
    /// The time until the next request is allowed.
    wait: Duration,
}

impl RateLimiters {
    /// Limiters on the system's clock.
    pub fn new(limits: RateLimits) -> Self {
        Self::with_clock(limits, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimiters<C> {
    fn with_clock(limits: RateLimits, clock: C) -> Self {
        Self {
            keys: limits.key.map(|limit| limiter(limit, &clock)),
            orgs: limits.org.map(|limit| limiter(limit, &clock)),
            clock,
            requests: AtomicU32::new(0),
        }
    }

    /// Counts a request.
    /// Returns the allowance of the stricter limit, or `None` if there is no limit.
    ///
    /// The caller's own limit comes first: a caller that exceeds it takes nothing from its organization.
    pub fn check(&self, caller: &Caller) -> Result<Option<Allowance>, Exceeded> {
        self.evict_idle();
        let exceeded = |reason, message| move |(limit, wait)| Exceeded { reason, message, limit, wait };
        let of_key =
            exceeded("key_rate", "too many requests with this key or by this member, try again in a moment");
        let of_org = exceeded("org_rate", "too many requests of this organization, try again in a moment");
        let key = self.keys.as_ref().map(|keys| self.count(keys, &(caller.org, caller.principal.clone())));
        let key = key.transpose().map_err(of_key)?;
        let org = self.orgs.as_ref().map(|orgs| self.count(orgs, &caller.org));
        let org = org.transpose().map_err(of_org)?;
        Ok(key.into_iter().chain(org).min_by_key(|allowance| allowance.remaining))
    }

    fn count<K>(&self, limiter: &Limiter<K, C>, key: &K) -> Result<Allowance, (u32, Duration)>
    where
        K: Clone + Eq + Hash,
    {
        match limiter.check_key(key) {
            Ok(state) => Ok(Allowance {
                limit: state.quota().burst_size().get(),
                remaining: state.remaining_burst_capacity(),
            }),
            Err(until) => Err((until.quota().burst_size().get(), until.wait_time_from(self.clock.now()))),
        }
    }

    fn evict_idle(&self) {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVICTION_INTERVAL) {
            self.keys.iter().for_each(RateLimiter::retain_recent);
            self.orgs.iter().for_each(RateLimiter::retain_recent);
        }
    }
}

fn limiter<K: Clone + Eq + Hash, C: Clock + Clone>(limit: NonZeroU32, clock: &C) -> Limiter<K, C> {
    let store = DefaultKeyedStateStore::default();
    RateLimiter::new(Quota::per_second(limit), store, clock.clone())
}

impl Exceeded {
    /// The rejection of the request.
    /// Its `retry-after` is always 1: limits are whole requests a second.
    pub fn rejection(&self) -> Rejection {
        metrics::shed(self.reason);
        Rejection(Error::new(Kind::RateLimited, self.message))
    }
}

/// Writes the headers: the limit's state for REST, the time to wait for gRPC.
pub fn write_headers(
    outcome: &Result<Option<Allowance>, Exceeded>,
    protocol: Protocol,
    headers: &mut HeaderMap,
) {
    let (limit, remaining) = match (protocol, outcome) {
        (Protocol::Rest, Ok(Some(allowance))) => (allowance.limit, allowance.remaining),
        (Protocol::Rest, Err(exceeded)) => (exceeded.limit, 0),
        // The rejection has no trailers, so this belongs into the headers.
        (Protocol::Grpc | Protocol::GrpcWeb, Err(exceeded)) => {
            let millis = exceeded.wait.as_nanos().div_ceil(1_000_000);
            headers.insert(PUSHBACK, u64::try_from(millis).unwrap_or(u64::MAX).into());
            return;
        }
        (Protocol::Rest, Ok(None)) | (Protocol::Grpc | Protocol::GrpcWeb, Ok(_)) => return,
    };
    headers.insert(LIMIT, limit.into());
    headers.insert(REMAINING, remaining.into());
    headers.insert(RESET, HeaderValue::from_static("1"));
}

#[cfg(test)]
mod tests;
