//! Limits of connections, and of the drain.

use std::time::Duration;

use crate::config::Config;

/// How long a new connection may stay silent.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may stay open without a request.
/// Longer than the minute for which some clients keep unused connections.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a client may leave sent data unacknowledged.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Limits of the connections, and of the drain.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. More wait until one of them ends.
    pub max_connections: usize,
    /// The age at which a connection is closed, give or take a tenth.
    pub max_age: Duration,
    /// How long a new connection may stay silent.
    pub first_byte: Duration,
    /// How long a connection may stay open without a request.
    pub first_request: Duration,
    /// How long a client may leave sent data unacknowledged.
    pub unread: Duration,
    /// How long the server keeps accepting after the signal to stop.
    pub drain_delay: Duration,
    /// How long requests in flight may continue after that.
    pub drain_timeout: Duration,
}

impl Limits {
    /// The limits in the settings.
    pub fn new(config: &Config) -> Self {
        Self {
            max_connections: config.max_connections,
            max_age: config.max_connection_age,
            first_byte: FIRST_BYTE_TIMEOUT,
            first_request: FIRST_REQUEST_TIMEOUT,
            unread: UNREAD_TIMEOUT,
            drain_delay: config.drain_delay,
            drain_timeout: config.drain_timeout,
        }
    }
}
