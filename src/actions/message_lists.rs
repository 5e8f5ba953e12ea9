//! Lists of messages in the chat API.

use super::offset_pages::{self, Listed, PageRequest};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::store::Store;
use crate::store::lists::SessionScope;
use crate::store::message_lists::{self, ListedMessage, MessageFilter};

/// A page of the messages of one chat that the selected number holds.
pub async fn list_of_chat(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    page: PageRequest,
) -> Result<Listed<ListedMessage>> {
    let filter = MessageFilter { chat: Some(address), ..MessageFilter::default() };
    read(store, caller, number, filter, page).await?.ok_or_else(|| Error::not_found("chat not found"))
}

/// A page of the messages of all chats of the selected number or of all numbers.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    start_time: Option<&str>,
    end_time: Option<&str>,
    page: PageRequest,
) -> Result<Listed<ListedMessage>> {
    let times = offset_pages::times(start_time, end_time)?;
    let filter = MessageFilter { chat: None, start: times.start, end: times.end };
    read(store, caller, number, filter, page).await?.ok_or_else(|| Error::not_found("number not found"))
}

async fn read(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: MessageFilter,
    page: PageRequest,
) -> Result<Option<Listed<ListedMessage>>> {
    let page = offset_pages::page(page)?;
    let org = caller.org;
    let scope = SessionScope { phone: number, sessions: caller.sessions.clone() };
    let listed =
        store.read(move |connection| message_lists::list(connection, org, &scope, &filter, page)).await?;
    Ok(listed.map(|listed| Listed::new(page, listed)))
}
