//! Lists of messages in the chat API.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::PhoneSelector;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::message_lists::MessageFilter;
use crate::store::message_lists::{self, ListedMessage};
use crate::store::{Connection, Store, chat_access};

/// A page of the messages of one chat or of all chats, which the selected number or any number holds.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: MessageFilter,
    page: PageWindow,
) -> Result<ListPage<ListedMessage>> {
    let missing = if filter.chat.is_some() { "chat not found" } else { "phone not found" };
    let org = caller.org;
    let scope = SessionScope::of(caller, number);
    let read = move |connection: &mut Connection| match chat_access::hides(
        connection,
        org,
        filter.chat.as_ref(),
        scope.viewer.as_deref(),
    )? {
        true => Ok(None),
        false => message_lists::list(connection, org, &scope, &filter, page),
    };
    let listed = store.read(read).await?;
    listed.ok_or_else(|| Error::not_found(missing))
}
