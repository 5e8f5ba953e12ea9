//! The buckets: one for each organization, and in it one for each of its callers. A bucket is no more than the moment at
//! which it will be full again, so one whose moment has come need not be kept.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::caller::{Caller, Principal};
use crate::config::RateLimits;
use crate::ids::OrgId;

/// How long an empty bucket takes to fill up: it holds what one second brings.
const WHOLE: Duration = Duration::from_secs(1);

/// Buckets are looked through for full ones when there are twice as many as the last time, and at least so many.
const FEW: usize = 1024;

/// What is left in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Calls it holds when it is full, which is also how many it gains in a second.
    pub(super) limit: u32,
    /// Calls in it.
    pub(super) remaining: u32,
    /// When it will be full again if nobody calls.
    pub(super) full_in: Duration,
}

/// Why a call may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For the metric.
    pub(super) reason: &'static str,
    /// For the caller.
    pub(super) message: &'static str,
    /// The bucket that has nothing left.
    pub(super) level: Level,
    /// When there will be one call in it.
    pub(super) wait: Duration,
}

/// All buckets that are not full.
pub(super) struct Buckets {
    limits: RateLimits,
    orgs: HashMap<OrgId, Org>,
    /// Buckets of callers, in all organizations.
    count: usize,
    /// At how many of them the full ones are removed.
    many: usize,
}

struct Org {
    full_at: Instant,
    callers: HashMap<Principal, Instant>,
}

impl Buckets {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self { limits, orgs: HashMap::new(), count: 0, many: FEW }
    }

    /// Takes a call out of the caller's bucket and out of its organization's, or out of neither. Says what is left in the
    /// one that will be empty first; nothing when there is no limit.
    pub(super) fn take(&mut self, caller: &Caller, now: Instant) -> Result<Option<Level>, Refusal> {
        if self.limits.key.is_none() && self.limits.org.is_none() {
            return Ok(None);
        }
        self.remove_full(now);
        let org =
            self.orgs.entry(caller.org).or_insert_with(|| Org { full_at: now, callers: HashMap::new() });
        let of_caller = org.callers.get(&caller.principal).copied().unwrap_or(now);
        let key = self.limits.key.map(|limit| taken(of_caller, limit, now));
        let whole = self.limits.org.map(|limit| taken(org.full_at, limit, now));
        if let Some(Err((level, wait))) = key {
            let message = "too many calls with this key or by this member, try again in a moment";
            return Err(Refusal { reason: "key_rate", message, level, wait });
        }
        if let Some(Err((level, wait))) = whole {
            let message = "too many calls of this organization, try again in a moment";
            return Err(Refusal { reason: "org_rate", message, level, wait });
        }
        let key = key.and_then(Result::ok);
        let whole = whole.and_then(Result::ok);
        if let Some((full_at, _)) = key {
            match org.callers.get_mut(&caller.principal) {
                Some(known) => *known = full_at,
                None => {
                    org.callers.insert(caller.principal.clone(), full_at);
                    self.count += 1;
                }
            }
        }
        if let Some((full_at, _)) = whole {
            org.full_at = full_at;
        }
        Ok(key.into_iter().chain(whole).map(|(_, level)| level).min_by_key(|level| level.remaining))
    }

    /// Keeps the memory in proportion to those who called within the last second.
    fn remove_full(&mut self, now: Instant) {
        if self.count.max(self.orgs.len()) < self.many {
            return;
        }
        self.orgs.retain(|_, org| {
            org.callers.retain(|_, full_at| *full_at > now);
            org.full_at > now || !org.callers.is_empty()
        });
        self.count = self.orgs.values().map(|org| org.callers.len()).sum();
        self.many = FEW.max(2 * self.count.max(self.orgs.len()));
    }
}

/// When a bucket will be full after one call is taken out of it, and what is left; or what there is now and how long until
/// there is a call in it.
fn taken(full_at: Instant, limit: NonZeroU32, now: Instant) -> Result<(Instant, Level), (Level, Duration)> {
    let one = WHOLE / limit.get();
    let missing = full_at.saturating_duration_since(now);
    let level = |missing: Duration| {
        let calls = WHOLE.saturating_sub(missing).as_nanos() / one.as_nanos();
        let remaining = u32::try_from(calls).unwrap_or(u32::MAX).min(limit.get());
        Level { limit: limit.get(), remaining, full_in: missing }
    };
    let after = missing + one;
    match after.checked_sub(WHOLE) {
        Some(wait) if !wait.is_zero() => Err((level(missing), wait)),
        _ => Ok((now + after, level(after))),
    }
}

#[cfg(test)]
mod tests;
