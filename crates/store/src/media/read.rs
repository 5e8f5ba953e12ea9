//! Reading media files: those to fetch, to serve and to expire.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use serde_json::Value;

use crate::bulk::has_key_of;
use crate::connection::{Connection, StoreResult};
use crate::interval::interval;
use crate::org_rows::{org_rows, same_chat};
use crate::schema::{chat_addresses, chats, media};
use crate::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, MediaId, OrgId, SessionId};

/// The state of a file that is to be fetched.
pub const PENDING: &str = "pending";
/// The state of a file whose bytes are in the media store.
pub const STORED: &str = "stored";
/// The state of a file that neither the gateway nor the service has any longer.
pub const EXPIRED: &str = "expired";
/// The state of a file that is larger than allowed.
pub const TOO_LARGE: &str = "too_large";
/// The state of a file that is not what it should be, or is at an address from which nothing is fetched.
pub const REJECTED: &str = "rejected";

/// A file that is to be fetched now.
#[derive(Clone, Debug, Queryable)]
pub struct DueFile {
    /// The file.
    pub id: MediaId,
    /// The canonical address of the message's chat.
    pub chat: ChatAddress,
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// Whether the session sent it.
    pub from_me: bool,
    /// The person that sent it, if it is an incoming message of a group; otherwise empty.
    pub author: String,
    /// What the gateway needs to find it.
    pub locator: Option<Value>,
    /// MIME type, if known.
    pub mime_type: Option<String>,
    /// Name of the file, if known.
    pub file_name: Option<String>,
    /// Number of bytes, if known.
    pub size: Option<i64>,
    /// SHA-256 that the bytes must have, if declared.
    pub declared_sha256: Option<Vec<u8>>,
    /// Number of attempts so far.
    pub attempts: i32,
}

/// A file as it is served.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = media, check_for_backend(Pg))]
pub struct MediaFile {
    /// One of the states above.
    pub state: String,
    /// Why it is not stored.
    pub reason: Option<String>,
    /// MIME type.
    pub mime_type: Option<String>,
    /// Name of the file.
    pub file_name: Option<String>,
    /// Number of bytes.
    pub size: Option<i64>,
    /// The object with its bytes, if it is stored.
    pub sha256: Option<Vec<u8>>,
}

/// Up to `limit` files of the session that are due, oldest first, without those.
pub fn due(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    without: &[MediaId],
    limit: i64,
) -> StoreResult<Vec<DueFile>> {
    Ok(org_rows!(media, org, session_id = session, state = PENDING)
        .inner_join(chats::table.on(same_chat!(chats, media)))
        .filter(media::due_at.le(now))
        .filter(media::media_id.ne_all(without))
        .order(media::due_at)
        .limit(limit)
        .select((
            media::media_id,
            chats::chat_id,
            media::message_id,
            media::from_me,
            media::author,
            media::locator,
            media::mime_type,
            media::file_name,
            media::size,
            media::declared_sha256,
            media::attempts,
        ))
        .load(connection)?)
}

/// The file, if its message is of a session in scope (`None` for all) and its chat is not hidden from the viewer.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    id: &MediaId,
    scope: Option<&[SessionId]>,
    viewer: Option<&str>,
) -> StoreResult<Option<MediaFile>> {
    let mut found = org_rows!(media, org, media_id = id)
        .filter(is_visible!(media, org, viewer.unwrap_or_default()))
        .select(MediaFile::as_select())
        .into_boxed::<Pg>();
    if let Some(sessions) = scope {
        found = found.filter(media::session_id.eq_any(sessions));
    }
    Ok(found.first(connection).optional()?)
}

/// Up to `limit` files in a state for that long, by the database's clock, of all organizations: pending ones by their
/// creation, stored ones by when they were stored.
pub fn older(
    connection: &mut Connection,
    state: &str,
    age: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, MediaId)>> {
    let since = now.into_sql::<Timestamptz>() - interval(age);
    let columns = (media::org_id, media::media_id);
    Ok(match state {
        PENDING => media::table
            .filter(media::state.eq("pending"))
            .filter(media::created_at.le(since))
            .order(media::created_at)
            .limit(limit)
            .select(columns)
            .load(connection)?,
        _ => media::table
            .filter(media::state.eq("stored"))
            .filter(media::updated_at.le(since))
            .order(media::updated_at)
            .limit(limit)
            .select(columns)
            .load(connection)?,
    })
}

/// Up to `limit` stored files of the organization with their sizes, oldest first.
pub fn oldest(connection: &mut Connection, org: OrgId, limit: i64) -> StoreResult<Vec<(MediaId, i64)>> {
    Ok(org_rows!(media, org, state = STORED)
        .order(media::updated_at)
        .limit(limit)
        .select((media::media_id, media::size.assume_not_null()))
        .load(connection)?)
}

/// The chats with these addresses.
pub fn chats_at(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<BTreeMap<ChatAddress, i64>> {
    let are_named = has_key_of!(org, chat_addresses, addresses, |address| { address: address.as_str() });
    let found = chat_addresses::table.filter(are_named);
    let found: Vec<(ChatAddress, i64)> =
        found.select((chat_addresses::address, chat_addresses::chat_key)).load(connection)?;
    Ok(found.into_iter().collect())
}
