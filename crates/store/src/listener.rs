//! Receives notifications of events that other instances wrote.
//!
//! Uses a diesel connection of its own, since LISTEN is bound to a connection. A second driver would need its own parsing of
//! the database URL, its own TLS and its own pool. diesel does not signal incoming data, so the caller polls, which sends
//! nothing to the server.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::events::CHANNEL;
use super::servers;
use super::timeline::Timeline;
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Result};

/// Listens for [`super::events::notify`].
pub struct Listener {
    connection: PgConnection,
    timeline: Option<Timeline>,
}

impl Listener {
    /// Connects and listens. Events that are read after this returns are never missed.
    pub async fn new(database_url: Arc<Secret>) -> Result<Self> {
        let connecting = tokio::task::spawn_blocking(move || {
            let connected = servers::connect(database_url.expose()).map_err(Error::unavailable)?;
            let (mut connection, timeline) = connected;
            connection.batch_execute(&format!("LISTEN {CHANNEL}")).map_err(Error::unavailable)?;
            Ok(Self { connection, timeline })
        });
        connecting.await.map_err(Error::internal)?
    }

    /// The payloads of the notifications since the last call. Does not block. An error is final.
    pub fn payloads(&mut self) -> Result<Vec<String>> {
        if self.timeline.is_some_and(Timeline::is_former) {
            return Err(Error::unavailable("another server has taken over"));
        }
        let notifications = self.connection.notifications_iter();
        notifications.map(|it| Ok(it.map_err(Error::unavailable)?.payload)).collect()
    }
}
