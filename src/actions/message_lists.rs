//! Lists of messages in the chat API.

use super::chats::missing;
use super::sessions::missing_chat;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, MessageId, PhoneSelector};
use crate::store::chat_selector::ChatSelector;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::message_lists::MessageFilter;
use crate::store::message_lists::{self, ListedMessage};
use crate::store::message_views::{Json, NamedMessage, Reactions};
use crate::store::{Connection, Store, chat_access};

/// A page of the messages of one chat or of all chats, which the selected number or any number holds.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: MessageFilter,
    page: PageWindow,
) -> Result<ListPage<ListedMessage>> {
    let org = caller.org;
    let scope = SessionScope::of(caller, number);
    let read = move |connection: &mut Connection| {
        let listed = match chat_access::hides(connection, org, filter.chat.as_ref(), scope.viewer.as_deref())?
        {
            true => None,
            false => message_lists::list(connection, org, &scope, &filter, page)?,
        };
        match listed {
            Some(listed) => Ok(listed),
            None => {
                Err(missing_chat(connection, org, scope.phone.as_ref(), scope.sessions.as_deref())?.into())
            }
        }
    };
    store.read(read).await
}

/// The last reaction of each person to a message of a chat, by its `message_id` or its `unique_id`.
///
/// # Errors
///
/// When several messages have that `unique_id`.
pub async fn reactions(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    address: ChatAddress,
    message_id: String,
) -> Result<Option<Json<Reactions>>> {
    let org = caller.org;
    let name = match message_id.parse::<MessageId>() {
        Ok(name) => name.into(),
        Err(_) => NamedMessage::of_id(message_id),
    };
    let selector = ChatSelector::of(caller, address, number);
    let read =
        move |connection: &mut Connection| match message_lists::reactions(connection, org, &selector, &name)?
        {
            Some(found) => Ok(found),
            None => Err(missing(connection, org, &selector)?.into()),
        };
    let mut found = store.read(read).await?;
    if found.len() > 1 {
        let problem = "must be the `message_id` of a message: several have this `unique_id`";
        return Err(Error::invalid("message_id", problem));
    }
    Ok(found.pop().flatten())
}
