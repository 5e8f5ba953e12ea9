//! Media files: fetched from the gateway after their message is stored, and kept in the media store.

mod fetcher;
mod kinds;
mod media_store;
mod objects;
mod places;

pub use self::fetcher::Fetcher;
pub use self::media_store::MediaStore;
pub use self::objects::WriteError;

use super::gateway::MediaSource;
use crate::actions::media::{self, FileDetails, FileOfMessage};
use crate::digest::sha256_of_hex;
use crate::error::Result;
use crate::ids::{OrgId, SessionId};
use crate::store::Store;

/// Adds the files of stored messages, to be fetched unless they are in the media store. The same ones again change nothing,
/// unless they have another locator.
pub async fn enqueue(store: &Store, org: OrgId, session: SessionId, sources: Vec<MediaSource>) -> Result<()> {
    let files = sources.into_iter().filter_map(|source| {
        let details = FileDetails {
            mime_type: source.mime_type,
            file_name: source.file_name,
            size: source.size.and_then(|size| i64::try_from(size).ok()),
            sha256: source.sha256.and_then(|sha256| sha256_of_hex(&sha256)),
        };
        Some(FileOfMessage {
            id: None,
            chat: source.chat.parse().ok()?,
            message_id: source.message_id,
            from_me: source.from_me,
            author: source.author.and_then(|author| author.parse().ok()),
            locator: source.locator,
            details,
            stored: source.stored.map(|stored| *stored),
        })
    });
    media::enqueue(store, org, session, files.collect()).await
}
