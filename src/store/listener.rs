//! Hears when other instances wrote events. It has a connection of its own: PostgreSQL notifies the connection that asked for
//! it, for as long as that one lives.
//!
//! diesel's, because a second driver would want its own dialect of the database's URL, its own TLS and its own pool. It does
//! not tell when there is something to read, so whoever listens looks now and then; that asks the server nothing.

use std::sync::Arc;

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::events::CHANNEL;
use crate::config::Secret;
use crate::error::{Error, Result};

/// Listens for [`super::events::ring`].
pub struct Listener {
    connection: PgConnection,
}

impl Listener {
    /// Begins to listen. Whoever looks for events only after that misses none.
    pub async fn new(database_url: Arc<Secret>) -> Result<Self> {
        let connecting = tokio::task::spawn_blocking(move || {
            let mut connection =
                PgConnection::establish(database_url.expose()).map_err(Error::unavailable)?;
            connection.batch_execute(&format!("LISTEN {CHANNEL}")).map_err(Error::unavailable)?;
            Ok(Self { connection })
        });
        connecting.await.map_err(Error::internal)?
    }

    /// Whether it rang since it was asked last, by anyone but that instance. Does not block. After an error it never rings
    /// again.
    pub fn rang(&mut self, besides: &str) -> Result<bool> {
        let mut rang = false;
        for notification in self.connection.notifications_iter() {
            rang |= notification.map_err(Error::unavailable)?.payload != besides;
        }
        Ok(rang)
    }
}
