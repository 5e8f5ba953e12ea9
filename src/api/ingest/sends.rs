//! Sends on a connector's stream of commands.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::actions::commands::ConnectorLease;
use crate::actions::sends::{self, Attempt, Outcome, SendContent, Target};
use crate::api::sends::queue_id;
use crate::connect::gateway::{OutgoingFile, SendError};
use crate::connect::outbox::Files;
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
/// How long a send waits whose file cannot be read.
const PAUSE: Duration = Duration::from_secs(5);

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
        Ok(file) => file,
        Err(error) => {
            give_up(store, org, attempt.row.send_id, error).await?;
            return Ok(stream::empty().boxed());
        }
    };
    let mut command = to_wire(attempt);
    let mut parts = stream::empty().boxed();
    if let (Some(Content::Media(media)), Some(OutgoingFile { size, bytes })) = (&mut command.content, file) {
        media.size = size;
        if size <= MAX_WHOLE {
            media.data = bytes.try_collect::<BytesMut>().await?.into();
        } else {
            parts = parts_of(command.queue_id.clone(), bytes);
        }
    }
    Ok(stream::once(async { Ok(Response::Send(command)) }).chain(parts).boxed())
}

/// The parts of a file. When it cannot be read to its end, the stream ends, and the send is repeated on the next one.
fn parts_of(
    queue_id: String,
    bytes: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Response>> {
    let parts = move |bytes: Bytes| {
        let starts = (0..bytes.len()).step_by(MAX_PART);
        let slice = move |start: usize| bytes.slice(start..bytes.len().min(start + MAX_PART)).into();
        stream::iter(starts.map(slice).map(Ok).collect::<Vec<Result<Vec<u8>>>>())
    };
    let part = move |data| Response::FilePart(FilePart { queue_id: queue_id.clone(), data });
    bytes.map_ok(parts).try_flatten().map_ok(part).boxed()
}

/// Stores why there is no file: the send is tried again later, or failed.
async fn give_up(store: &Store, org: OrgId, send: Uuid, error: SendError) -> Result<()> {
    match error {
        SendError::NotSent { reason, .. } | SendError::Failed { reason } => {
            sends::requeue(store, org, send, PAUSE, reason).await
        }
        SendError::Rejected { reason } | SendError::Unclear { reason } => {
            sends::give_up(store, org, send, reason).await.map(drop)
        }
        SendError::Unsupported { reason } => {
            sends::give_up(store, org, send, reason.to_owned()).await.map(drop)
        }
    }
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
