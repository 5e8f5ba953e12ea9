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
use crate::config::Secret;
use crate::error::{Error, Result};

/// Listens for [`super::events::notify`].
pub struct Listener {
    connection: PgConnection,
}

impl Listener {
    /// Connects and listens. Events that are read after this returns are never missed.
    pub async fn new(database_url: Arc<Secret>) -> Result<Self> {
        let connecting = tokio::task::spawn_blocking(move || {
            let mut connection = servers::connect(database_url.expose()).map_err(Error::unavailable)?;
            connection.batch_execute(&format!("LISTEN {CHANNEL}")).map_err(Error::unavailable)?;
            Ok(Self { connection })
        });
        connecting.await.map_err(Error::internal)?
    }

    /// The payloads of the notifications since the last call. Does not block. An error is final.
    pub fn payloads(&mut self) -> Result<Vec<String>> {
        let notifications = self.connection.notifications_iter();
        notifications.map(|it| Ok(it.map_err(Error::unavailable)?.payload)).collect()
    }
}
