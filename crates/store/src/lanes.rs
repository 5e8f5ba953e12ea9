//! The lanes of a store: pools of connections that do not wait for each other.
//!
//! All connections of an instance are counted here.

use std::time::Duration;

use switchboard_core::config::Config;

/// The size and the timeouts of a connection pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Maximum number of connections. About twice the database's cores; more makes the tail latency worse.
    pub size: u32,
    /// How long work waits for a connection before it is rejected.
    pub acquire_timeout: Duration,
    /// `statement_timeout` of the connections; `None` for no limit.
    pub statement_timeout: Option<Duration>,
    /// Whether a connection pooler in transaction mode is between.
    /// The server then keeps nothing between two transactions, neither settings nor prepared statements.
    pub is_pooled: bool,
    /// Number of connections that writes leave to reads.
    /// Reads are served even when every write waits.
    pub reserved_for_reads: u32,
}

impl PoolOptions {
    /// Options for background work, which no client waits for.
    pub const fn background(size: u32) -> Self {
        Self {
            size,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: None,
            is_pooled: false,
            reserved_for_reads: 0,
        }
    }

    /// Options for the requests to a service. A statement that outlives every deadline is useless. A quarter of the
    /// connections is reserved for reads, if there is more than one.
    pub fn requests(config: &Config) -> Self {
        let size = config.database_pool_size;
        Self {
            size,
            acquire_timeout: config.database_acquire_timeout,
            statement_timeout: Some(config.request_timeout),
            is_pooled: config.database_direct_url.is_some(),
            reserved_for_reads: (size / 4).max(1).min(size - 1),
        }
    }
}

/// What connections are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests of clients.
    Requests,
    /// Authentication. Every request with a key waits for it, so it must not queue behind requests: under overload it would
    /// be late for all of them, also for those that are admitted.
    Auth,
    /// Streams of connectors, whose batches are large.
    Ingest,
    /// Webhook deliveries and housekeeping.
    Background,
    /// Probes: a busy service is still ready. One connection may wait in a test write.
    Probes,
}

impl Lane {
    /// Every lane, in the order of declaration.
    pub(super) const ALL: [Self; 5] =
        [Self::Requests, Self::Auth, Self::Ingest, Self::Background, Self::Probes];

    /// The name of its threads.
    pub(super) const fn thread_name(self) -> &'static str {
        match self {
            Self::Requests => "db-requests",
            Self::Auth => "db-auth",
            Self::Ingest => "db-ingest",
            Self::Background => "db-background",
            Self::Probes => "db-probes",
        }
    }

    /// Maximum number of its connections, with that many for requests.
    const fn size(self, requests: u32) -> u32 {
        match self {
            Self::Requests => requests,
            Self::Ingest if requests > 1 => requests / 2,
            Self::Ingest => 1,
            Self::Auth | Self::Background | Self::Probes => 2,
        }
    }

    /// Its options, with those for requests.
    pub(super) fn options(self, requests: PoolOptions) -> PoolOptions {
        let size = self.size(requests.size);
        let background = PoolOptions { is_pooled: requests.is_pooled, ..PoolOptions::background(size) };
        match self {
            Self::Requests => requests,
            Self::Auth => PoolOptions { size, reserved_for_reads: 0, ..requests },
            Self::Ingest | Self::Background => background,
            Self::Probes => PoolOptions {
                acquire_timeout: Duration::from_secs(1),
                statement_timeout: Some(Duration::from_secs(1)),
                reserved_for_reads: 1,
                ..background
            },
        }
    }
}

/// The connection of the notification listener.
const LISTENER: u32 = 1;

/// The most connections one instance opens with that many for requests.
pub fn connections(requests: u32) -> u32 {
    Lane::ALL.iter().fold(LISTENER, |sum, lane| sum.saturating_add(lane.size(requests)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_as_documented() {
        // docs/operations.md and the chart's values: 1.5 times the request pool and 7 more.
        assert_eq!(connections(8), 8 + 4 + 7);
    }
}
