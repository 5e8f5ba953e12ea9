//! Short-lived caches of tokens over database reads.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::store::{Connection, Store, StoreResult};
use crate::telemetry::causes;

/// How long a result is used.
/// Revoking and disabling take effect within 5 seconds; this leaves the rest for a lookup in progress.
pub(super) const TIME_TO_LIVE: Duration = Duration::from_secs(3);

/// How long a request waits for the database.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The most entries of a cache.
/// It evicts what is rarely used, so a flood of made-up tokens does not evict real ones.
const CAPACITY: u64 = 10_000;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthError {
    /// The token is invalid.
    Invalid,
    /// The token cannot be verified now.
    Unavailable,
}

/// A cache whose entries expire after [`TIME_TO_LIVE`].
pub(super) fn cache<K, V>() -> Cache<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build()
}

/// The cached value, or else that of `load`.
/// Requests that come meanwhile wait for the same load; failures are not cached.
pub(super) async fn get_or_load<K, V>(
    cache: &Cache<K, V>,
    key: K,
    load: impl Future<Output = Result<V, AuthError>>,
) -> Result<V, AuthError>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    match cache.get(&key).await {
        Some(value) => Ok(value),
        None => cache.try_get_with(key, load).await.map_err(|error: Arc<AuthError>| *error),
    }
}

/// Reads from the database within [`LOOKUP_TIMEOUT`].
/// `noun` names the thing in the log.
pub(super) async fn read<T: Send + 'static>(
    store: &Store,
    noun: &'static str,
    read: impl Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
) -> Result<T, AuthError> {
    let error = match tokio::time::timeout(LOOKUP_TIMEOUT, store.read(read)).await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => causes(&error),
        Err(_) => format!("no response within {LOOKUP_TIMEOUT:?}"),
    };
    tracing::warn!(noun, error, "lookup for authentication failed");
    Err(AuthError::Unavailable)
}
