//! Parses updates of messages: receipts, edits, reactions, deletions.

use super::fields::{address, body, message_id, person, required, text};
use crate::actions::ingest::change::{Change, MessageReference};
use crate::actions::ingest::message_state::Update;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::pb::ingest_event::{DeleteMessage, Edit, MessageReference as Reference, Reaction, Receipt};
use crate::pb::ingest_json::receipt_kind;

const MAX_EMOJI_BYTES: usize = 64;
const MAX_REASON_BYTES: usize = 1024;

pub(super) fn receipt(receipt: Receipt) -> Result<Change> {
    let kind = receipt_kind::name(receipt.kind)
        .ok_or_else(|| Error::invalid("receipt.kind", format_args!("must be {}", receipt_kind::EXPECTED)))?;
    let needs_contact = !matches!(kind.as_str(), "sent" | "server" | "failed" | "unknown");
    let contact = match receipt.by.as_str() {
        "" if !needs_contact => String::new(),
        by => person("receipt.by", by)?.as_str().to_owned(),
    };
    let value = receipt.reason.filter(|_| matches!(kind.as_str(), "failed" | "unknown"));
    let value = value.map(|reason| bounded("receipt.reason", reason, MAX_REASON_BYTES)).transpose()?;
    let update = Update { kind, contact, at: required("receipt.at", receipt.at)?, value };
    Ok(Change::Update { message: reference("receipt", receipt.message)?, update })
}

pub(super) fn edit(edit: Edit) -> Result<Change> {
    let at = required("edit.at", edit.at)?;
    let value = Some(body("edit.body", edit.body)?);
    // Two edits are two updates: the older one has the text before the newer one.
    let update = Update { kind: "edit".to_owned(), contact: at.micros().to_string(), at, value };
    Ok(Change::Update { message: reference("edit", edit.message)?, update })
}

pub(super) fn reaction(reaction: Reaction) -> Result<Change> {
    let value = Some(bounded("reaction.emoji", reaction.emoji, MAX_EMOJI_BYTES)?);
    let contact = person("reaction.by", &reaction.by)?.as_str().to_owned();
    let at = required("reaction.at", reaction.at)?;
    let update = Update { kind: "reaction".to_owned(), contact, at, value };
    Ok(Change::Update { message: reference("reaction", reaction.message)?, update })
}

pub(super) fn deletion(deletion: DeleteMessage) -> Result<Change> {
    let (kind, at) = ("deleted".to_owned(), Instant::from_micros(0));
    let update = Update { kind, contact: String::new(), at, value: None };
    Ok(Change::Update { message: reference("deleteMessage", deletion.message)?, update })
}

fn reference(kind: &str, reference: Option<Reference>) -> Result<MessageReference> {
    let field = format!("{kind}.message");
    let Some(reference) = reference else { return Err(Error::invalid(field, "is required")) };
    let author = reference.author.map(|author| person(&format!("{field}.author"), &author));
    Ok(MessageReference {
        chat: address(&format!("{field}.chat"), &reference.chat)?,
        id: message_id(&format!("{field}.id"), reference.id)?,
        from_me: reference.from_me,
        author: author.transpose()?,
    })
}

fn bounded(field: &str, value: String, max_bytes: usize) -> Result<String> {
    match value.len() > max_bytes {
        true => Err(Error::invalid(field, format_args!("must be at most {max_bytes} bytes"))),
        false => text(field, value),
    }
}
