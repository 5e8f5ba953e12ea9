//! New messages before they are queued: which session sends them where, and whether they would be queued.

use super::content::{FileSource, NewContent, Outgoing};
use super::rules::Rules;
use super::targets::{Recipient, quoted, route};
use crate::caller::Caller;
use crate::config::Quota;
use crate::error::Result;
use crate::ids::ChatAddress;
use crate::store::idempotency::{self, KeyUse};
use crate::store::sessions::SessionRow;
use crate::store::{Connection, Store, StoreResult, quotas};

/// A message that the session can send to the chat.
pub(super) struct Draft {
    pub(super) session: SessionRow,
    pub(super) chat: ChatAddress,
    /// The id under which the gateway is to send it; `None` when it chooses the id.
    pub(super) own_id: Option<String>,
    pub(super) outgoing: Outgoing,
}

/// Finds the session and the chat, and checks the content.
pub(super) fn draft(
    connection: &mut Connection,
    rules: &Rules,
    caller: &Caller,
    recipient: &Recipient,
    new: &NewContent,
) -> StoreResult<Draft> {
    let (session, chat) = route(connection, caller, recipient)?;
    let own_id = rules.check(connection, caller, session.session_id, &new.content)?;
    let quote = |id: &String| quoted(connection, caller, session.session_id, &chat, id);
    let reply_to = new.reply_to.as_ref().map(quote).transpose()?;
    Ok(Draft { session, chat, own_id, outgoing: Outgoing { content: new.content.clone(), reply_to } })
}

/// Fails if [`send`](super::send) would, before the file of the message is stored: those of rejected requests would fill the
/// media store. Returns whether the message would be queued; a request that repeats an idempotency key queues nothing.
pub async fn is_new(
    store: &Store,
    rules: &Rules,
    caller: &Caller,
    (recipient, new): (&Recipient, &NewContent),
    key_use: Option<KeyUse>,
) -> Result<bool> {
    let (rules, caller, recipient) = (rules.clone(), caller.clone(), recipient.clone());
    let content = new.content.clone().with_file(FileSource::Url(String::new()));
    let new = NewContent { content, reply_to: new.reply_to.clone() };
    let limits = store.quotas();
    let check = move |connection: &mut Connection| {
        let org = caller.org;
        if let Some(key_use) = &key_use
            && idempotency::is_used(connection, org, key_use)?
        {
            return Ok(false);
        }
        let draft = draft(connection, &rules, &caller, &recipient, &new)?;
        draft.outgoing.stored()?;
        quotas::check_room(connection, org, &limits, Quota::Sends)?;
        Ok(true)
    };
    store.read(check).await
}
