//! Media files of messages: where to fetch them, and what became of that.

mod keys;
mod read;

use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;
use serde_json::Value;

pub use self::keys::{
    delete_of_chats, delete_of_messages, delete_of_session, move_chats, rename_authors, rename_message,
};
pub use self::read::{
    DueFile, EXPIRED, MediaFile, PENDING, REJECTED, STORED, TOO_LARGE, chats_at, due, find, older, oldest,
};
use super::bulk::{has_key_of, insert_rows, replace_columns};
use super::connection::{Connection, StoreResult};
use super::events::{EventKind, EventMessage, FieldChanges, NewEvent};
use super::ingest::MessageKey;
use super::interval::interval;
use super::media_objects;
use super::org_rows::org_rows;
use super::schema::media;
use super::transaction::Transaction;
use crate::ids::{MediaId, OrgId};

/// What is known of a file before it is fetched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileDetails {
    /// MIME type.
    pub mime_type: Option<String>,
    /// Name of the file.
    pub file_name: Option<String>,
    /// Number of bytes.
    pub size: Option<i64>,
    /// SHA-256 that the bytes must have.
    pub sha256: Option<Vec<u8>>,
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFile {
    /// Its message.
    pub message: MessageKey,
    /// What the gateway needs to find it.
    pub locator: Value,
    /// What is known of it.
    pub details: FileDetails,
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBytes {
    /// SHA-256, the name of their object.
    pub sha256: Vec<u8>,
    /// How many they are.
    pub size: i64,
    /// MIME type.
    pub mime_type: String,
}

/// Inserts files to fetch; a message has at most one. One that is known with another locator, and was not fetched by that, is
/// fetched by the new one.
pub fn add(connection: &mut Connection, org: OrgId, files: &[NewFile]) -> StoreResult<()> {
    let insert = insert_rows!(org, media, files, |file| {
        media_id: MediaId::generate(),
        session_id: file.message.chat.session,
        chat_key: file.message.chat.chat_key,
        message_id: file.message.id.as_str(),
        from_me: file.message.from_me,
        author: file.message.author.as_str(),
        locator: Some(&file.locator),
        mime_type: file.details.mime_type.as_deref(),
        file_name: file.details.file_name.as_deref(),
        size: file.details.size,
        declared_sha256: file.details.sha256.as_deref(),
    });
    let again = insert.on_conflict(keys::message_columns!()).do_update().set((
        replace_columns!(media: locator, created_at, due_at, updated_at),
        media::state.eq(PENDING),
        media::attempts.eq(0),
    ));
    let has_new_locator = media::locator.ne(excluded(media::locator));
    diesel::query_dsl::methods::FilterDsl::filter(
        again,
        has_new_locator.and(media::state.eq_any([PENDING, EXPIRED])),
    )
    .execute(connection)?;
    Ok(())
}

/// Inserts the file of a message that the service itself sends.
pub fn add_stored(
    connection: &mut Connection,
    org: OrgId,
    message: &MessageKey,
    bytes: &StoredBytes,
    file_name: Option<&str>,
) -> StoreResult<()> {
    let values = (
        (media::org_id.eq(org), media::media_id.eq(MediaId::generate())),
        media::session_id.eq(message.chat.session),
        media::chat_key.eq(message.chat.chat_key),
        media::message_id.eq(&message.id),
        media::from_me.eq(message.from_me),
        media::author.eq(&message.author),
        media::state.eq(STORED),
        media::sha256.eq(&bytes.sha256),
        media::size.eq(bytes.size),
        media::mime_type.eq(&bytes.mime_type),
        media::file_name.eq(file_name),
    );
    diesel::insert_into(media::table).values(values).on_conflict_do_nothing().execute(connection)?;
    Ok(())
}

/// Marks a pending file as stored. Its object must have been reserved in the last day.
pub fn set_stored(tx: &mut Transaction<'_>, id: &MediaId, bytes: &StoredBytes) -> StoreResult<()> {
    let org = tx.org();
    let pending = diesel::update(org_rows!(media, org, media_id = id, state = PENDING));
    let set = (
        (media::state.eq(STORED), media::sha256.eq(&bytes.sha256), media::size.eq(bytes.size)),
        (media::mime_type.eq(&bytes.mime_type), media::locator.eq(None::<Value>)),
        (media::reason.eq(None::<String>), media::updated_at.eq(now)),
    );
    let changed = pending.set(set).returning(keys::message_key!()).get_results(&mut **tx)?;
    record(tx, changed, PENDING, STORED);
    Ok(())
}

/// Marks a pending file as one that will not be stored.
pub fn set_failed(tx: &mut Transaction<'_>, id: &MediaId, state: &str, reason: &str) -> StoreResult<()> {
    let org = tx.org();
    let pending = diesel::update(org_rows!(media, org, media_id = id, state = PENDING));
    let set = (media::state.eq(state), media::reason.eq(reason), media::updated_at.eq(now));
    let changed = pending.set(set).returning(keys::message_key!()).get_results(&mut **tx)?;
    record(tx, changed, PENDING, state);
    Ok(())
}

/// Defers a pending file after a failed attempt.
pub fn defer(
    connection: &mut Connection,
    org: OrgId,
    id: &MediaId,
    backoff: Duration,
    reason: &str,
) -> StoreResult<()> {
    let pending = diesel::update(org_rows!(media, org, media_id = id, state = PENDING));
    let due_at = now.into_sql::<Timestamptz>() + interval(backoff);
    let set = (media::attempts.eq(media::attempts + 1), media::due_at.eq(due_at), media::reason.eq(reason));
    pending.set(set).execute(connection)?;
    Ok(())
}

/// Marks those of these files that have the state `before` as expired.
pub fn expire(tx: &mut Transaction<'_>, ids: &[MediaId], before: &str, reason: &str) -> StoreResult<()> {
    let org = tx.org();
    let named = || {
        let named = has_key_of!(org, media, ids, |id| { media_id: id.as_str() });
        media::table.filter(named).filter(media::state.eq(before))
    };
    let objects: Vec<Option<Vec<u8>>> = named().select(media::sha256).for_update().load(&mut **tx)?;
    let set = (
        (media::state.eq(EXPIRED), media::sha256.eq(None::<Vec<u8>>)),
        (media::reason.eq(reason), media::updated_at.eq(now)),
    );
    let changed = diesel::update(named()).set(set).returning(keys::message_key!()).get_results(&mut **tx)?;
    media_objects::check_soon(tx, org, &objects.into_iter().flatten().collect::<Vec<_>>())?;
    record(tx, changed, before, EXPIRED);
    Ok(())
}

/// Records that the state of files changed as changes of their messages.
fn record(tx: &mut Transaction<'_>, changed: Vec<MessageKey>, before: &str, after: &str) {
    for key in changed {
        tx.record(NewEvent {
            chat_key: key.chat.chat_key,
            session: Some(key.chat.session),
            kind: EventKind::MessageUpdated,
            changes: FieldChanges::default().field("media.state", &before.to_owned(), &after.to_owned()),
            message: Some(EventMessage { id: key.id, from_me: key.from_me, author: key.author }),
        });
    }
}
