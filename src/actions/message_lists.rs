//! Lists of messages.

use super::offset_pages::{self, Listed, Page, PageRequest};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::store::Store;
use crate::store::chats::ChatSelector;
use crate::store::lists::{List, Numbers, kept_count};
use crate::store::message_lists::{self, ListedMessage, MessageFilter};

/// A page of the messages of one chat, as the selected number stored them.
pub async fn list_of_chat(
    store: &Store,
    caller: &Caller,
    address: ChatAddress,
    number: Option<PhoneSelector>,
    page: PageRequest,
) -> Result<Listed<ListedMessage>> {
    let page = Page::parse(page)?;
    let org = caller.org;
    let selector = ChatSelector { address, number, sessions: caller.sessions.clone() };
    store
        .snapshot(move |connection| {
            let held = message_lists::held_chat(connection, org, &selector)?;
            let (session, chat_key) = held.ok_or_else(|| Error::not_found("chat not found"))?;
            let numbers = Numbers::One(session);
            let filter = MessageFilter { chat_key: Some(chat_key), ..MessageFilter::default() };
            page.read(
                connection,
                None,
                |connection| message_lists::count(connection, org, &numbers, &filter),
                |connection, window| message_lists::page(connection, org, &numbers, &filter, window),
                |connection, keys| message_lists::whole(connection, org, keys),
            )
        })
        .await
}

/// A page of the messages of all chats that the selected number stored, or all numbers that the caller reaches. Empty
/// times say nothing.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    start_time: &str,
    end_time: &str,
    page: PageRequest,
) -> Result<Listed<ListedMessage>> {
    let page = Page::parse(page)?;
    let times = offset_pages::times(start_time, end_time)?;
    let filter = MessageFilter { chat_key: None, start: times.start, end: times.end };
    let caller = caller.clone();
    store
        .snapshot(move |connection| {
            let org = caller.org;
            let numbers = offset_pages::numbers(connection, &caller, number.as_ref())?;
            let is_filtered = filter != MessageFilter::default();
            let kept =
                if is_filtered { None } else { kept_count(connection, org, List::Messages, &numbers)? };
            page.read(
                connection,
                kept,
                |connection| message_lists::count(connection, org, &numbers, &filter),
                |connection, window| message_lists::page(connection, org, &numbers, &filter, window),
                |connection, keys| message_lists::whole(connection, org, keys),
            )
        })
        .await
}
