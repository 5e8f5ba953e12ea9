//! Sends on a connector's stream of commands.

use crate::actions::commands::ConnectorLease;
use crate::actions::sends::{self, Attempt, FileSource, Outcome, SendContent, Target};
use crate::api::sends::queue_id;
use crate::connect::media::MediaStore;
use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::pb::SendCommand;
use crate::pb::commands_request::Outcome as OutcomeMessage;
use crate::pb::commands_request::outcome::Result as Reported;
use crate::pb::ingest_event::MessageReference;
use crate::pb::send_command::{
    Contacts, Content, Delete, Edit, Location, Media, Poll, Reaction, Template, Text,
};
use crate::store::Store;

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

/// A send as a connector gets it.
///
/// # Errors
///
/// Its file cannot be read.
pub(super) async fn to_wire(media: &MediaStore, org: OrgId, attempt: Attempt) -> Result<SendCommand> {
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
        SendContent::Media { kind, mime_type, file_name, caption, file } => {
            let (url, data) = match file {
                FileSource::Url(url) => (url, Vec::new()),
                FileSource::Stored(file) => (String::new(), media.read(org, &file).await?.into()),
                FileSource::Bytes(bytes) => (String::new(), bytes.into()),
            };
            Content::Media(Media { r#type: kind, mime_type, file_name, caption, url, data })
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
    Ok(SendCommand {
        queue_id: row.send_id.to_string(),
        message_id: row.message_id.unwrap_or_default(),
        attempt: row.attempts,
        chat: chat.clone(),
        reply_to,
        content: Some(content),
    })
}
