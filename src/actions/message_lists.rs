//! Lists of messages in the chat API.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::PhoneSelector;
use crate::store::Store;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::message_lists::MessageFilter;
use crate::store::message_lists::{self, ListedMessage};

/// A page of the messages of one chat or of all chats, which the selected number or any number holds.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: MessageFilter,
    page: PageWindow,
) -> Result<ListPage<ListedMessage>> {
    let missing = if filter.chat.is_some() { "chat not found" } else { "number not found" };
    let org = caller.org;
    let scope = SessionScope { phone: number, sessions: caller.sessions.clone() };
    let listed =
        store.read(move |connection| message_lists::list(connection, org, &scope, &filter, page)).await?;
    listed.ok_or_else(|| Error::not_found(missing))
}
