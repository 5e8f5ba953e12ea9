//! Lists of messages in the chat API.

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::store::chat_selector::ChatSelector;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::message_lists::MessageFilter;
use crate::store::message_lists::{self, ListedMessage};
use crate::store::message_views::{Json, Reactions};
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

/// The last reaction of each person to a message of a chat, by its `message_id` or its `unique_id`.
pub async fn reactions(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    address: ChatAddress,
    message_id: String,
) -> Result<Option<Json<Reactions>>> {
    let org = caller.org;
    let selector = ChatSelector::of(caller, address, number);
    let found = store
        .read(move |connection| {
            let (from_me, id) = parts(&message_id);
            message_lists::reactions(connection, org, &selector, id, from_me)
        })
        .await?;
    found.ok_or_else(|| Error::not_found("chat not found"))
}

/// Whether the session sent the message, if the id says it, and the message's own id.
fn parts(message_id: &str) -> (Option<bool>, &str) {
    let mut parts = message_id.splitn(4, '_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("true"), Some(_), Some(id)) => (Some(true), id),
        (Some("false"), Some(_), Some(id)) => (Some(false), id),
        _ => (None, message_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_has_the_own_id_of_the_message() {
        assert_eq!(parts("3EB0"), (None, "3EB0"));
        assert_eq!(parts("true_15550101001@c.us_3EB0"), (Some(true), "3EB0"));
        assert_eq!(parts("false_1203630@g.us_3EB0_15550101001@c.us"), (Some(false), "3EB0"));
    }
}
