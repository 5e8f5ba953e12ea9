//! Step 3 of ingest, write: statements over many rows, which the caller keeps locked while it plans.
//!
//! Every transaction locks in the same order (contacts, chats, sessions' chats, each by ascending key), so that concurrent
//! batches wait for each other and never deadlock.

mod authors;
mod changed;
mod chats;
mod contacts;
mod deletions;
pub mod inbox;
mod links;
mod looks;
mod members;
mod merges;
mod messages;
mod session_chats;
mod sessions;
pub mod setup;
mod waiting;
mod waiting_expiry;

pub use super::json::Json;
pub use authors::{duplicates_by_author, mark_linked, rename_authors};
pub use changed::{Changed, FieldTimes, add_times};
pub use chats::{Chat, chats_by_address, create_chats, lock_chats, update_chats};
pub use contacts::{Contact, create_contacts, lock_contacts, remove_contacts, update_contacts};
pub use deletions::{DeletedChat, add_deletions, deletions, remove_deletions, take_deletions_at};
pub use links::{
    Renamed, add_addresses, add_linked_addresses, add_new_links, join_links, persons_of, rename_chats,
};
pub use members::{Member, members_of, memberships_of, remove_members, set_members};
pub use merges::{
    Merge, add_merges, duplicate_messages, keep_parts, keep_session_chats, move_addresses_and_notes,
    move_messages, remove_chats, session_chat_keys, take_messages, update_merged,
};
pub use messages::{Message, MessageId, MessageKey, messages_by_id, write_messages};
pub(super) use messages::{message_columns, message_key};
pub use session_chats::{
    Latest, SessionChat, SessionChatKey, create_session_chats, latest_messages, lock_session_chats,
    unread_counts, update_session_chats,
};
pub use sessions::{
    SessionNames, SessionStatus, lock_session_statuses, own_addresses, sessions_by_name, update_statuses,
};

pub(super) use waiting::waiting_columns;
pub use waiting::{
    Awaited, MEMBER, READ_MARK, UNREAD, WaitingUpdate, add_waiting, arrived, limit_waiting, take_waiting,
    take_waiting_at, take_waiting_by_sender, take_waiting_members, waiting_read_marks, waits_at,
};
pub use waiting_expiry::{delete_expired_waiting, orgs_with_expired_waiting};

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::StoreError;

/// Turns a foreign key violation into a serialization failure, so that the transaction is retried.
///
/// A referenced row (a chat, a session) was deleted while the transaction ran; the retry sees that it is gone.
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
