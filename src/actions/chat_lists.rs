//! Lists of chats in the chat API.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::PhoneSelector;
use crate::store::Store;
use crate::store::chat_lists;
pub use crate::store::chat_lists::{ChatFilter, LabelFilter};
use crate::store::chats::ChatView;
use crate::store::lists::SessionScope;
pub use crate::store::lists::{ListPage, PageWindow};

/// A page of the chats of the selected number, or of all numbers.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: ChatFilter,
    page: PageWindow,
) -> Result<ListPage<ChatView>> {
    let org = caller.org;
    let scope = SessionScope::of(caller, number);
    let listed =
        store.read(move |connection| chat_lists::list(connection, org, &scope, &filter, page)).await?;
    listed.ok_or_else(|| Error::not_found("phone not found"))
}
