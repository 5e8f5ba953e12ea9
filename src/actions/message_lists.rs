//! Lists of messages in the chat API.

use super::chats::missing;
use super::sessions::missing_chat;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress, PhoneSelector};
use crate::store::chat_selector::ChatSelector;
use crate::store::lists::{ListPage, PageWindow, SessionScope};
pub use crate::store::message_lists::MessageFilter;
use crate::store::message_lists::{self, ListedMessage, MessageName};
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
    let name = name(&address, &message_id);
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

/// Reads `<fromMe>_<chat>_<id>`, with `_<author>` for incoming messages of groups, or the message's own id.
fn name(chat: &ChatAddress, message_id: &str) -> MessageName {
    let mut parts = message_id.splitn(4, '_');
    let (from_me, id) = match (parts.next(), parts.next(), parts.next()) {
        (Some("true"), Some(_), Some(id)) => (Some(true), id),
        (Some("false"), Some(_), Some(id)) => (Some(false), id),
        _ => return MessageName { id: message_id.to_owned(), from_me: None, author: None },
    };
    let author = parts.next().filter(|_| from_me == Some(false) && chat.kind() == AddressKind::Group);
    let author = author.map(|author| {
        author.parse().map_or_else(|_| author.to_owned(), |address: ChatAddress| address.to_string())
    });
    MessageName { id: id.to_owned(), from_me, author }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_names_the_message() {
        let (group, person) = ("1203630@g.us".parse().unwrap(), "15550101001@c.us".parse().unwrap());
        let own = |id: &str, from_me, author: Option<&str>| MessageName {
            id: id.to_owned(),
            from_me,
            author: author.map(str::to_owned),
        };
        assert_eq!(name(&person, "3EB0"), own("3EB0", None, None));
        assert_eq!(name(&person, "true_15550101001@c.us_3EB0"), own("3EB0", Some(true), None));
        let incoming = "false_1203630@g.us_3EB0_15550101001@s.whatsapp.net";
        assert_eq!(name(&group, incoming), own("3EB0", Some(false), Some("15550101001@c.us")));
    }
}
