//! Media files of messages: who may read them, and how long they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::retention::{self, BATCH};
use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, MediaId, OrgId, SessionId};
use crate::store::ingest::{self, Message, MessageId, MessageKey, SessionChatKey};
pub use crate::store::media::{
    DueFile, EXPIRED, FileDetails, MediaFile, NewFile, PENDING, REJECTED, STORED, StoredBytes, TOO_LARGE,
};
use crate::store::{Connection, Store, StoreResult, Transaction, media, media_objects};

/// How long a file may be pending: Meta, the last to delete one, keeps it as long.
const PENDING_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A message that has a media file, as a gateway names it.
#[derive(Clone, Debug, PartialEq)]
pub struct FileOfMessage {
    /// The id; `None` for a random one.
    pub id: Option<MediaId>,
    /// The chat.
    pub chat: ChatAddress,
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// Whether the session sent it.
    pub from_me: bool,
    /// Who sent it, in a group.
    pub author: Option<ChatAddress>,
    /// What the gateway needs to find the file.
    pub locator: serde_json::Value,
    /// What is known of the file.
    pub details: FileDetails,
    /// Its bytes, if they are in the media store. If they are gone, it is fetched.
    pub stored: Option<StoredBytes>,
}

/// Adds the files of messages: those whose bytes are not stored are fetched. Files of messages that are not stored, or were
/// deleted for everyone, are left out.
pub async fn enqueue(store: &Store, org: OrgId, session: SessionId, files: Vec<FileOfMessage>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let enqueue = move |tx: &mut Transaction<'_>| {
        let stored = add(tx, session, &files)?;
        media::record_stored(tx, stored);
        Ok(())
    };
    store.write(org, enqueue).await
}

/// Adds files as [`enqueue`] does. Returns the messages whose files are stored now.
pub(super) fn add(
    tx: &mut Transaction<'_>,
    session: SessionId,
    files: &[FileOfMessage],
) -> StoreResult<Vec<MessageKey>> {
    let org = tx.org();
    let addresses: Vec<&ChatAddress> = files.iter().map(|file| &file.chat).collect();
    let chats = media::chats_at(tx, org, &addresses)?;
    let id_of = |file: &FileOfMessage| {
        let chat_key = *chats.get(&file.chat)?;
        Some((SessionChatKey { session, chat_key }, file.message_id.clone()))
    };
    let ids: Vec<MessageId> = files.iter().filter_map(id_of).collect();
    let stored = ingest::messages_by_id(tx, org, &ids.iter().collect::<Vec<_>>())?;
    let mut new: BTreeMap<MessageKey, NewFile> = BTreeMap::new();
    for file in files {
        let Some(id) = id_of(file) else { continue };
        if let Some(message) = message_of(file, &id, &stored) {
            let (message, locator, details) = (message.clone(), file.locator.clone(), file.details.clone());
            let stored = match &file.stored {
                Some(stored) if media_objects::keep(tx, org, &stored.sha256)? => Some(stored.clone()),
                Some(_) | None => None,
            };
            let media_id = file.id.clone().unwrap_or_else(MediaId::generate);
            new.insert(message.clone(), NewFile { media_id, message, locator, details, stored });
        }
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    media::add(tx, org, &new.into_values().collect::<Vec<_>>())
}

/// The message of the file. Of several with its id, the one of its author.
fn message_of<'m>(file: &FileOfMessage, id: &MessageId, stored: &'m [Message]) -> Option<&'m MessageKey> {
    let is_of = |message: &&Message| {
        let key = &message.key;
        let is_deleted = message.details.get("is_deleted") == Some(&true.into());
        (key.chat, &key.id, key.from_me) == (id.0, &id.1, file.from_me) && !is_deleted
    };
    let found: Vec<&MessageKey> = stored.iter().filter(is_of).map(|message| &message.key).collect();
    let author = file.author.as_ref().map_or("", ChatAddress::as_str);
    match found.as_slice() {
        [only] => Some(only),
        several => several.iter().copied().find(|key| key.author == author),
    }
}

/// Up to `limit` files of a session that are due, without those.
pub async fn due(
    store: &Store,
    org: OrgId,
    session: SessionId,
    without: Vec<MediaId>,
    limit: usize,
) -> Result<Vec<DueFile>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    store.read(move |connection| media::due(connection, org, session, &without, limit)).await
}

/// When a file is fetched again whose bytes were deleted before its message had them.
const DELETED_PAUSE: Duration = Duration::from_secs(5);

/// What became of a file that was to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchOutcome {
    /// Its bytes are in the media store.
    Stored(StoredBytes),
    /// It will not be stored: the state, and why.
    Failed(&'static str, &'static str),
    /// It is fetched again after that time, and why it was not fetched now.
    Deferred(Duration, String),
}

/// Stores what became of a pending file.
pub async fn fetched(store: &Store, org: OrgId, id: MediaId, outcome: FetchOutcome) -> Result<()> {
    store
        .write(org, move |tx: &mut Transaction<'_>| match &outcome {
            // Otherwise the message that had the same bytes was deleted meanwhile, and they with it.
            FetchOutcome::Stored(bytes) => match media_objects::keep(tx, org, &bytes.sha256)? {
                true => media::set_stored(tx, &id, bytes),
                false => media::defer(tx, org, &id, DELETED_PAUSE, "its bytes were deleted again"),
            },
            FetchOutcome::Failed(state, reason) => media::set_failed(tx, &id, state, reason),
            FetchOutcome::Deferred(backoff, reason) => media::defer(tx, org, &id, *backoff, reason),
        })
        .await
}

/// The stored file, for a caller who may read the chat of its message.
///
/// # Errors
///
/// NOT_FOUND when there is none or the caller may not read it, FAILED_PRECONDITION while it is being fetched, and GONE when it
/// is not stored.
pub async fn find(store: &Store, caller: &Caller, id: &str) -> Result<MediaFile> {
    let not_found = || Error::not_found("media not found");
    let id: MediaId = id.parse().map_err(|_| not_found())?;
    let (org, scope, viewer) = (caller.org, caller.sessions.clone(), caller.viewer());
    let found = store
        .read(move |connection: &mut Connection| {
            media::find(connection, org, &id, scope.as_deref(), viewer.as_deref())
        })
        .await?;
    let file = found.ok_or_else(not_found)?;
    let reason = file.reason.as_deref().unwrap_or("no reason is known");
    match file.state.as_str() {
        STORED => Ok(file),
        PENDING => {
            Err(Error::new(Kind::FailedPrecondition, "the file is being fetched; try again in a moment"))
        }
        EXPIRED => Err(Error::new(Kind::Gone, format!("the file has expired: {reason}"))),
        TOO_LARGE => Err(Error::new(Kind::Gone, "the file is larger than allowed and was not stored")),
        _ => Err(Error::new(Kind::Gone, format!("the file was rejected: {reason}"))),
    }
}

/// Expires a batch of files that could not be fetched for too long. Returns whether there may be more.
pub async fn expire_pending(store: &Store) -> Result<bool> {
    expire_older(store, PENDING, PENDING_AGE).await
}

/// Expires a batch of files that have been stored for longer. Returns whether there may be more.
pub async fn expire_stored(store: &Store, retention: Duration) -> Result<bool> {
    expire_older(store, STORED, retention).await
}

async fn expire_older(store: &Store, state: &'static str, age: Duration) -> Result<bool> {
    let older = move |connection: &mut Connection| media::older(connection, state, age, BATCH);
    let old = store.read(older).await?;
    retention::delete(store, old, move |tx, _, files| {
        let reason = if state == PENDING { "it could not be fetched in time" } else { KEPT_NO_LONGER };
        media::expire(tx, files, state, reason)
    })
    .await
}

const KEPT_NO_LONGER: &str = "it is kept no longer";

/// Expires the oldest files of organizations whose messages have more bytes than that: at most a batch of each. Objects that no
/// message has do not count: no file that expires makes them fewer.
pub async fn expire_above(store: &Store, max_bytes: u64) -> Result<()> {
    let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
    for org in store.read(move |connection| media_objects::above(connection, max_bytes)).await? {
        store
            .write(org, move |tx: &mut Transaction<'_>| {
                let excess = media_objects::used_bytes(tx, org)? - max_bytes;
                let mut freed = 0;
                let mut oldest = media::oldest(tx, org, BATCH)?;
                oldest.retain(|(_, size)| {
                    let is_needed = freed < excess;
                    freed += size;
                    is_needed
                });
                let ids: Vec<MediaId> = oldest.into_iter().map(|(id, _)| id).collect();
                media::expire(tx, &ids, STORED, KEPT_NO_LONGER)
            })
            .await?;
    }
    Ok(())
}
