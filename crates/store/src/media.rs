//! Media files of messages: where to fetch them, and what became of that.

mod keys;
mod read;

use std::time::Duration;

use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz};
use diesel::upsert::excluded;
use serde::{Deserialize, Serialize};
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
use switchboard_core::ids::{MediaId, OrgId};

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

/// A file of a message: one to fetch, unless its bytes are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFile {
    /// Its id, unless its message has a file.
    pub media_id: MediaId,
    /// Its message.
    pub message: MessageKey,
    /// What the gateway needs to find it.
    pub locator: Value,
    /// What is known of it.
    pub details: FileDetails,
    /// Its bytes, whose object must have been reserved in the last day.
    pub stored: Option<StoredBytes>,
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBytes {
    /// SHA-256, the name of their object.
    #[serde(with = "switchboard_core::digest::sha256_as_hex")]
    pub sha256: Vec<u8>,
    /// How many they are.
    pub size: i64,
    /// MIME type.
    pub mime_type: String,
}

/// Inserts files; a message has at most one. One that is not stored gets bytes that are, or is fetched by another locator if
/// it was not fetched by that. Returns the messages whose files are stored now.
pub fn add(connection: &mut Connection, org: OrgId, files: &[NewFile]) -> StoreResult<Vec<MessageKey>> {
    let insert = insert_rows!(org, media, files, |file| {
        media_id: file.media_id.as_str(),
        session_id: file.message.chat.session,
        chat_key: file.message.chat.chat_key,
        message_id: file.message.id.as_str(),
        from_me: file.message.from_me,
        author: file.message.author.as_str(),
        state: if file.stored.is_some() { STORED } else { PENDING },
        locator: file.stored.is_none().then_some(&file.locator),
        mime_type: file.stored.as_ref().map(|stored| &*stored.mime_type).or(file.details.mime_type.as_deref()),
        file_name: file.details.file_name.as_deref(),
        size: file.stored.as_ref().map(|stored| stored.size).or(file.details.size),
        sha256: file.stored.as_ref().map(|stored| stored.sha256.as_slice()),
        declared_sha256: file.details.sha256.as_deref(),
    });
    let again = insert.on_conflict(keys::message_columns!()).do_update().set(replace_columns!(
        media: state, locator, mime_type, size, sha256, created_at, due_at, updated_at, attempts, reason
    ));
    let is_better = excluded(media::sha256).is_not_null().or(media::locator.ne(excluded(media::locator)));
    // Constants, because Citus takes no values in the condition of an upsert.
    let is_missing = sql::<Bool>("media.state IN ('pending', 'expired')");
    let added: Vec<(MessageKey, String)> =
        diesel::query_dsl::methods::FilterDsl::filter(again, is_better.and(is_missing))
            .returning((keys::message_key!(), media::state))
            .get_results(connection)?;
    Ok(added.into_iter().filter(|(_, state)| state == STORED).map(|(key, _)| key).collect())
}

/// Marks a pending file as stored. The transaction must have kept its object: it may be deleted before.
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

/// Records that files are stored as changes of their messages.
pub fn record_stored(tx: &mut Transaction<'_>, messages: Vec<MessageKey>) {
    record(tx, messages, PENDING, STORED);
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
