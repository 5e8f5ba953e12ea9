//! Notifying other instances of new events.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::{Connection, StoreResult};

/// The NOTIFY channel that announces new events to other instances.
pub(crate) const CHANNEL: &str = "switchboard_events";

diesel::define_sql_function! {
    /// Notifies the listeners of a channel. Returns void, for which diesel has no type.
    fn pg_notify(channel: Text, payload: Text) -> Text;
}

/// Announces new events to other instances. The payload may have up to 8,000 bytes.
///
/// Must run in a transaction that writes nothing, so that it does not wait for the disk.
pub fn notify(connection: &mut Connection, payload: &str) -> StoreResult<()> {
    diesel::select(pg_notify(CHANNEL, payload)).execute(connection)?;
    Ok(())
}
