//! How many requests reading history may take.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Requests a minute, evenly spaced: a gateway has other things to do.
pub struct Budget(DefaultDirectRateLimiter);

impl Budget {
    /// That many requests a minute, at least one.
    pub fn per_minute(requests: i32) -> Self {
        let requests = u32::try_from(requests).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::direct(Quota::per_minute(requests).allow_burst(NonZeroU32::MIN)))
    }

    /// Waits until another request may be sent.
    pub async fn spend(&self) {
        self.0.until_ready().await;
    }
}
