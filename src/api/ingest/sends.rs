//! Sends on a connector's stream of commands.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::actions::commands::ConnectorLease;
use crate::actions::sends::{self, Attempt, Outcome, SendContent, SendRow, Target};
use crate::api::sends::queue_id;
use crate::connect::gateway::{OutgoingFile, SendError};
use crate::connect::outbox::{Files, not_read};
use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::pb::commands_request::Outcome as OutcomeMessage;
use crate::pb::commands_request::outcome::Result as Reported;
use crate::pb::commands_response::Response;
use crate::pb::ingest_event::MessageReference;
use crate::pb::send_command::{
    Contacts, Content, Delete, Edit, Location, Media, Poll, Reaction, Template, Text,
};
use crate::pb::{FilePart, SendCommand};
use crate::store::Store;

/// The largest file that is part of its send, and the largest part of one that is not, in bytes.
const MAX_WHOLE: u64 = 1024 * 1024;
const MAX_PART: usize = 64 * 1024;

/// Stores what a connector reports of a send.
pub(super) async fn finish(store: &Store, lease: ConnectorLease, message: OutcomeMessage) -> Result<()> {
    let outcome = match message.result {
        Some(Reported::Accepted(id)) => Outcome::Accepted(id),
        Some(Reported::Failed(reason)) => Outcome::Failed(reason),
        Some(Reported::Unknown(reason)) => Outcome::Unknown(reason),
        None => return Err(Error::invalid("outcome", "must have a result")),
    };
    sends::finish(store, lease, queue_id(&message.queue_id)?, outcome).await
}

/// What gives a send to its connector: the send, and the parts of a large file.
pub(super) fn responses(
    store: Store,
    files: Files,
    org: OrgId,
    attempt: Attempt,
) -> BoxStream<'static, Result<Response>> {
    stream::once(async move { prepared(&store, &files, org, attempt).await }).try_flatten().boxed()
}

async fn prepared(
    store: &Store,
    files: &Files,
    org: OrgId,
    attempt: Attempt,
) -> Result<BoxStream<'static, Result<Response>>> {
    let file = match files.open(store, org, &attempt).await? {
        Ok(file) => given(file).await,
        Err(error) => Err(error),
    };
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            not_given(store, org, &attempt.row, error).await?;
            return Ok(stream::empty().boxed());
        }
    };
    let row = attempt.row.clone();
    let mut command = to_wire(attempt);
    let mut parts = stream::empty().boxed();
    if let Some(Content::Media(media)) = &mut command.content {
        match file {
            Given::None => {}
            Given::Whole(bytes) => (media.size, media.data) = (bytes.len() as u64, bytes),
            Given::Parts(OutgoingFile { size, bytes }) => {
                media.size = size;
                parts = parts_of(store.clone(), org, row, bytes);
            }
        }
    }
    Ok(stream::once(async { Ok(Response::Send(command)) }).chain(parts).boxed())
}

/// The file of a send as its connector gets it.
enum Given {
    None,
    /// It is part of the send.
    Whole(Vec<u8>),
    /// It follows the send.
    Parts(OutgoingFile),
}

async fn given(file: Option<OutgoingFile>) -> std::result::Result<Given, SendError> {
    match file {
        None => Ok(Given::None),
        Some(OutgoingFile { size, bytes }) if size <= MAX_WHOLE => {
            let bytes = bytes.try_collect::<BytesMut>().await;
            bytes.map(|bytes| Given::Whole(bytes.into())).map_err(|error| not_read(&error))
        }
        Some(file) => Ok(Given::Parts(file)),
    }
}

/// The parts of a file. When it cannot be read to its end, the stream ends, and the send waits for its next attempt.
fn parts_of(
    store: Store,
    org: OrgId,
    row: SendRow,
    bytes: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Response>> {
    let parts = move |bytes: Bytes| {
        let starts = (0..bytes.len()).step_by(MAX_PART);
        let slice = move |start: usize| bytes.slice(start..bytes.len().min(start + MAX_PART)).into();
        stream::iter(starts.map(slice).map(Ok).collect::<Vec<Result<Vec<u8>>>>())
    };
    let queue_id = row.send_id.to_string();
    let part = move |data| Response::FilePart(FilePart { queue_id: queue_id.clone(), data });
    let failed = move |error: Error| {
        let (store, row) = (store.clone(), row.clone());
        async move {
            not_given(&store, org, &row, not_read(&error)).await?;
            Err(error)
        }
    };
    bytes.map_ok(parts).try_flatten().map_ok(part).or_else(failed).boxed()
}

/// Stores why the connector has no file: the send is tried again later, or failed.
async fn not_given(store: &Store, org: OrgId, row: &SendRow, error: SendError) -> Result<()> {
    let state = match error {
        SendError::NotSent { reason, retry_after } => {
            sends::not_sent(store, org, row, reason, retry_after).await
        }
        SendError::Failed { reason } => sends::not_sent(store, org, row, reason, None).await,
        SendError::Rejected { reason } | SendError::Unclear { reason } => {
            sends::give_up(store, org, row.send_id, reason).await
        }
        SendError::Unsupported { reason } => sends::give_up(store, org, row.send_id, reason.to_owned()).await,
    };
    state.map(drop)
}

/// A send as a connector gets it, without its file.
fn to_wire(attempt: Attempt) -> SendCommand {
    let Attempt { row, outgoing, .. } = attempt;
    let chat = row.address.to_jid();
    let reference = |Target { id, from_me, author }: Target| {
        Some(MessageReference { id, chat: chat.clone(), from_me: Some(from_me), author })
    };
    let reply_to = outgoing.reply_to.and_then(&reference);
    let content = match outgoing.content {
        SendContent::Text { body, link_preview, mentions } => {
            Content::Text(Text { body, link_preview, mentions })
        }
        SendContent::Media { kind, mime_type, file_name, caption, .. } => {
            Content::Media(Media { r#type: kind, mime_type, file_name, caption, ..Media::default() })
        }
        SendContent::Location { latitude, longitude, name, address } => {
            Content::Location(Location { latitude, longitude, name, address })
        }
        SendContent::Contacts { vcards } => Content::Contacts(Contacts { vcards }),
        SendContent::Poll { question, options, multiple } => {
            Content::Poll(Poll { question, options, multiple })
        }
        SendContent::Template { name, language, components } => {
            Content::Template(Template { name, language, components: sends::to_proto(components) })
        }
        SendContent::Reaction { message, emoji } => {
            Content::Reaction(Reaction { message: reference(message), emoji })
        }
        SendContent::Edit { message, body } => Content::Edit(Edit { message: reference(message), body }),
        SendContent::Delete { message } => Content::Delete(Delete { message: reference(message) }),
    };
    SendCommand {
        queue_id: row.send_id.to_string(),
        message_id: row.message_id.unwrap_or_default(),
        attempt: row.attempts,
        chat: chat.clone(),
        reply_to,
        content: Some(content),
    }
}
