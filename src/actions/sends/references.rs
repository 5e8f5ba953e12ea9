//! Sends that name the message of another send: they quote it, react to it, edit it or delete it.
//!
//! Until the gateway has accepted a message, its id may be provisional. The sends that name it get the id that replaces it.

use super::content::Outgoing;
use crate::actions::ingest::set_quoted;
use crate::error::Error;
use crate::ids::OrgId;
use crate::store::sends::{self, QUEUED, SENDING, SendRow, UNKNOWN};
use crate::store::sent_messages::FoundMessage;
use crate::store::{Connection, StoreResult, Transaction};

/// Gives the later sends of the session that name the message of this one, and the messages that quote it, its new id.
pub(super) fn rename(
    tx: &mut Transaction<'_>,
    renamed: &SendRow,
    (from, to): (&str, &str),
) -> StoreResult<()> {
    let org = tx.org();
    let mut quoting = Vec::new();
    for row in sends::naming(tx, org, renamed, from)? {
        let mut outgoing = Outgoing::of(&row)?;
        let is_about = outgoing.content.target().is_some();
        let named = outgoing.content.target_mut().into_iter().chain(&mut outgoing.reply_to);
        named.filter(|target| target.id == from).for_each(|target| to.clone_into(&mut target.id));
        let content = serde_json::to_value(&outgoing).map_err(Error::internal)?;
        sends::set_content(tx, org, row.send_id, &content)?;
        match row.message_id {
            Some(_) if is_about => sends::set_message(tx, org, row.send_id, to)?,
            Some(id) => quoting.push(id),
            None => {}
        }
    }
    set_quoted(tx, renamed.session_id, &renamed.address, (&quoting, to))
}

/// The message with the id that it keeps until the transaction ends, or that [`rename`] gives to what the transaction stores:
/// its acceptance waits.
pub(super) fn with_lasting_id(
    connection: &mut Connection,
    org: OrgId,
    mut found: FoundMessage,
) -> StoreResult<FoundMessage> {
    let open = found.send.as_ref().filter(|send| [QUEUED, SENDING, UNKNOWN].contains(&send.state.as_str()));
    if let Some(send) = open
        && let Some(id) = sends::lock_message_id(connection, org, send.send_id)?
    {
        found.message.message_id = id;
    }
    Ok(found)
}
