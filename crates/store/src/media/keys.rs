//! Media files follow their messages: to other chats and authors, and into deletion.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::bulk::{has_key_of, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::ingest::{MessageKey, SessionChatKey};
use crate::media_objects;
use crate::org_rows::org_rows;
use crate::schema::media;
use switchboard_core::ids::{ChatAddress, MediaId, OrgId, SessionId};

/// The columns of a [`MessageKey`].
macro_rules! message_key {
    () => {
        ((media::session_id, media::chat_key), media::message_id, media::from_me, media::author)
    };
}
pub(super) use message_key;

/// The columns of the key of a message with the organization: a message has at most one file.
macro_rules! message_columns {
    () => {
        (media::org_id, media::session_id, media::chat_key, media::message_id, media::from_me, media::author)
    };
}
pub(super) use message_columns;

/// The condition that a file is of one of these messages.
macro_rules! is_of {
    ($org:expr, $keys:expr) => {
        has_key_of!($org, media, $keys, |key| {
            session_id: key.chat.session,
            chat_key: key.chat.chat_key,
            message_id: key.id.as_str(),
            from_me: key.from_me,
            author: key.author.as_str(),
        })
    };
}

/// Deletes the files that match, and lets their objects be checked.
macro_rules! delete {
    ($connection:expr, $org:expr, $files:expr) => {{
        let objects: Vec<Option<Vec<u8>>> =
            diesel::delete($files).returning(media::sha256).get_results($connection)?;
        media_objects::check_soon($connection, $org, &objects.into_iter().flatten().collect::<Vec<_>>())
    }};
}

/// Deletes the files of a session.
pub fn delete_of_session(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    delete!(connection, org, org_rows!(media, org, session_id = session))
}

/// Deletes the files of a session's chats.
pub fn delete_of_chats(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_keys: &[i64],
) -> StoreResult<()> {
    let files = org_rows!(media, org, session_id = session).filter(media::chat_key.eq_any(chat_keys));
    delete!(connection, org, files)
}

/// Deletes the files of these messages.
pub fn delete_of_messages(connection: &mut Connection, org: OrgId, keys: &[&MessageKey]) -> StoreResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    delete!(connection, org, media::table.filter(is_of!(org, keys)))
}

/// Moves the files of sessions' chats to other chats of the same sessions, before their messages.
pub fn move_chats(
    connection: &mut Connection,
    org: OrgId,
    moves: &[(SessionChatKey, i64)],
) -> StoreResult<()> {
    let into: BTreeMap<SessionChatKey, i64> = moves.iter().copied().collect();
    let of_chats =
        has_key_of!(org, media, moves, |row| { session_id: row.0.session, chat_key: row.0.chat_key });
    let files: Vec<(MediaId, MessageKey)> =
        media::table.filter(of_chats).select((media::media_id, message_key!())).load(connection)?;
    give_keys(connection, org, files, |key| key.chat.chat_key = into[&key.chat])
}

/// Replaces the authors of files, before those of their messages.
pub fn rename_authors(
    connection: &mut Connection,
    org: OrgId,
    renamed: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    let persons: BTreeMap<&str, &str> =
        renamed.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let by_authors = has_key_of!(org, media, renamed, |pair| { author: pair.0.as_str() });
    let files: Vec<(MediaId, MessageKey)> = media::table
        .filter(by_authors)
        .filter(media::author.ne(""))
        .select((media::media_id, message_key!()))
        .load(connection)?;
    give_keys(connection, org, files, |key| key.author = persons[&*key.author].to_owned())
}

/// Gives the file of a message the id that the message gets, before the message has it. Another file under that id is what
/// the gateway reports of the same message.
pub fn rename_message(
    connection: &mut Connection,
    org: OrgId,
    message: &MessageKey,
    id: &str,
) -> StoreResult<()> {
    let files = media::table.filter(is_of!(org, [message])).select((media::media_id, message_key!()));
    let files: Vec<(MediaId, MessageKey)> = files.load(connection)?;
    if !files.is_empty() {
        delete_of_messages(connection, org, &[&MessageKey { id: id.to_owned(), ..message.clone() }])?;
    }
    give_keys(connection, org, files, |key| key.id = id.to_owned())
}

/// Changes the keys of files. Of two files that are then of one message, one is kept.
fn give_keys(
    connection: &mut Connection,
    org: OrgId,
    mut files: Vec<(MediaId, MessageKey)>,
    change: impl Fn(&mut MessageKey),
) -> StoreResult<()> {
    if files.is_empty() {
        return Ok(());
    }
    files.iter_mut().for_each(|(_, key)| change(key));
    let keys: Vec<&MessageKey> = files.iter().map(|(_, key)| key).collect();
    let taken: Vec<MessageKey> =
        media::table.filter(is_of!(org, keys)).select(message_key!()).load(connection)?;
    let mut taken: BTreeSet<MessageKey> = taken.into_iter().collect();
    let (moved, duplicates): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, key)| taken.insert(key.clone()));
    let are_duplicates = has_key_of!(org, media, duplicates, |file| { media_id: file.0.as_str() });
    delete!(connection, org, media::table.filter(are_duplicates))?;
    update_rows!(org, media, moved, |file| { media_id: file.0.as_str() } set {
        chat_key: file.1.chat.chat_key,
        message_id: file.1.id.as_str(),
        author: file.1.author.as_str(),
    })
    .execute(connection)?;
    Ok(())
}
