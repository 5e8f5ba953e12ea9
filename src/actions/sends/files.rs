//! Files of sends: they are the media files of the messages that are sent.

use serde_json::Value;

use super::content::{FileSource, SendContent};
use super::outcomes::{content_of, writer};
use crate::actions::media::{self, FileDetails, FileOfMessage, StoredBytes};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::store::ingest::MessageKey;
use crate::store::media::record_stored;
use crate::store::sends::{self, SendRow};
use crate::store::{Store, StoreResult, Transaction};

/// Adds the file of a send to its message, if it is stored. Returns the message if it has the file now.
pub(super) fn attach(
    tx: &mut Transaction<'_>,
    session: SessionId,
    chat: &ChatAddress,
    message_id: &str,
    content: &SendContent,
) -> StoreResult<Vec<MessageKey>> {
    let SendContent::Media { file_name, file: FileSource::Stored(stored), .. } = content else {
        return Ok(Vec::new());
    };
    let file = FileOfMessage {
        id: None,
        chat: chat.clone(),
        message_id: message_id.to_owned(),
        from_me: true,
        author: None,
        locator: Value::Null,
        details: FileDetails { file_name: file_name.clone(), ..FileDetails::default() },
        stored: Some(stored.clone()),
    };
    media::add(tx, session, &[file])
}

/// Stores where the file of a send is that was fetched from its URL. Later attempts use it, and its message has it.
pub async fn keep_file(store: &Store, org: OrgId, row: &SendRow, stored: StoredBytes) -> Result<()> {
    let source = FileSource::Stored(stored);
    let json = serde_json::to_value(&source).map_err(Error::internal)?;
    let (row, content) = (row.clone(), content_of(row)?.with_file(source));
    let keep = move |tx: &mut Transaction<'_>| {
        sends::set_file(tx, org, row.send_id, &json)?;
        let id = row.message_id.as_deref().unwrap_or_default();
        let attached = attach(tx, row.session_id, &row.address, id, &content)?;
        record_stored(tx, attached);
        Ok(())
    };
    store.write(writer(org), keep).await
}
