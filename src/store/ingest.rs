//! What ingest reads and writes: many rows a statement, each row held by its caller while it is worked on.
//!
//! Locks are taken in one order by everybody: contacts, chats, a session's chats, and each of them by its key. Two
//! batches that meet wait for each other and never in a circle.

pub(super) mod bulk;
mod chats;
mod contacts;
pub mod inbox;
mod members;
mod messages;
mod persons;
mod session_chats;
mod sessions;
pub mod setup;

pub use chats::{Chat, chats_by_address, create_chats, lock_chats, update_chats};
pub use contacts::{Contact, create_contacts, lock_contacts, update_contacts};
pub use members::{Member, add_members, members_of, remove_members};
pub(super) use messages::{COLUMNS as MESSAGE_COLUMNS, Row as MessageRow, message as message_of};
pub use messages::{
    Message, MessageKey, PendingReceipt, add_pending_receipts, messages_by_key, take_pending_receipts,
    write_messages,
};
pub use persons::{
    Merge, add_lid_addresses, holders_of_chats, merge, messages_of_chats, messages_waited_for,
    phones_of_lids, remove_chats, take_over_commands, tie,
};
pub use session_chats::{
    SessionChat, SessionChatKey, create_session_chats, latest_messages, lock_session_chats, unread_counts,
    update_session_chats,
};
pub use sessions::{SessionNames, SessionStatus, lock_session_statuses, sessions_by_name, update_statuses};

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::{Connection, StoreError, StoreResult};

/// Does work on many rows, which may be a whole transaction's.
///
/// What it runs is planned for the very rows that it is given, triggers included. A plan that is kept was made for a few of
/// them, or before the tables grew, and may go through all of an organization's rows for each; planning costs less than a
/// millisecond a statement, which is nothing beside many rows.
///
/// A row's parents are looked up when the work is done. PostgreSQL does that row by row and, before, would plan it row by row:
/// a third of what it takes to insert a message.
pub fn for_many<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> StoreResult<T>,
) -> StoreResult<T> {
    connection
        .batch_execute("SET LOCAL plan_cache_mode = force_custom_plan; SET CONSTRAINTS ALL DEFERRED")?;
    let done = work(connection)?;
    let checked = connection.batch_execute("SET LOCAL plan_cache_mode = auto; SET CONSTRAINTS ALL IMMEDIATE");
    checked.map_err(|error| retry_when_deleted(error.into()))?;
    Ok(done)
}

/// What a row pointed to (a chat, a session) was deleted while the transaction ran: told as a serialization failure,
/// so that the transaction is tried again and sees it gone.
pub fn retry_when_deleted(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(DieselError::DatabaseError(
            DatabaseErrorKind::ForeignKeyViolation,
            information,
        )) => {
            let kind = DatabaseErrorKind::SerializationFailure;
            StoreError::Database(DieselError::DatabaseError(kind, information))
        }
        error @ (StoreError::Database(_) | StoreError::Rule(_)) => error,
    }
}
