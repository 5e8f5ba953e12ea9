//! How many connections to PostgreSQL one instance opens, and what for.

use std::time::Duration;

use crate::config::Config;
use crate::store::PoolOptions;

/// The pool of the probes: separate, so that a busy service is still ready. One connection may wait in a test write.
const PROBES: u32 = 2;

/// Connections for authentication.
/// Every request with a key waits for it, so it must not queue behind requests: under overload it would be late for all
/// of them, also for those that are admitted.
const AUTH: u32 = 2;

/// Connections for the webhook dispatcher: few, and separate from requests.
const WEBHOOKS: u32 = 2;

/// The connection of the notification listener.
const LISTENER: u32 = 1;

/// Connections for connectors, of a service with a request pool of that size.
pub fn of_connectors(request_pool: u32) -> u32 {
    (request_pool / 2).max(1)
}

/// The most connections one instance opens with a request pool of that size.
pub fn database_pool_size(request_pool: u32) -> u32 {
    let others = of_connectors(request_pool) + PROBES + AUTH + WEBHOOKS + LISTENER;
    request_pool.saturating_add(others)
}

/// The pool of the probes.
pub fn of_probes(config: &Config) -> PoolOptions {
    PoolOptions {
        size: PROBES,
        acquire_timeout: Duration::from_secs(1),
        statement_timeout: Some(Duration::from_secs(1)),
        reserved_for_reads: 1,
        ..of_requests(config)
    }
}

/// The pool of the webhook dispatcher.
pub fn of_webhooks(config: &Config) -> PoolOptions {
    PoolOptions { is_pooled: is_pooled(config), ..PoolOptions::background(WEBHOOKS) }
}

/// The pool of connectors.
pub fn of_ingest(config: &Config) -> PoolOptions {
    let size = of_connectors(config.database_pool_size);
    PoolOptions { is_pooled: is_pooled(config), ..PoolOptions::background(size) }
}

/// Whether `--database-url` leads to a connection pooler.
fn is_pooled(config: &Config) -> bool {
    config.database_direct_url.is_some()
}

/// The pool of authentication.
pub fn of_auth(config: &Config) -> PoolOptions {
    PoolOptions { size: AUTH, reserved_for_reads: 0, ..of_requests(config) }
}

/// A quarter of the request pool, if there is more than one connection.
fn reserved_for_reads(request_pool: u32) -> u32 {
    (request_pool / 4).max(1).min(request_pool - 1)
}

/// The request pool. A statement that outlives every deadline is useless.
pub fn of_requests(config: &Config) -> PoolOptions {
    PoolOptions {
        size: config.database_pool_size,
        acquire_timeout: config.database_acquire_timeout,
        statement_timeout: Some(config.request_timeout),
        is_pooled: is_pooled(config),
        reserved_for_reads: reserved_for_reads(config.database_pool_size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_as_documented() {
        // docs/operations.md and the chart's values: 1.5 times the request pool and 7 more.
        assert_eq!(database_pool_size(8), 8 + 4 + 7);
    }
}
