//! Ids of messages in the chat API.

use std::str::FromStr;

use super::chat_address::{AddressKind, ChatAddress};
use super::invalid_id::InvalidId;

/// A `message_id` of the chat API: `<true|false>_<chat_id>_<unique_id>`, with `_<author>` for incoming group messages.
///
/// The `unique_id` may contain `_`, too. The end of the text is an author only if it is a person's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId {
    /// Whether the session sent the message.
    pub from_me: bool,
    /// Any address of the chat.
    pub chat: ChatAddress,
    /// WhatsApp's id of the message.
    pub unique_id: String,
    /// Any address of the member of a group that sent it, if the id has one.
    pub author: Option<ChatAddress>,
}

const INVALID: InvalidId = InvalidId("must be <true|false>_<chat_id>_<unique_id>");

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut parts = text.splitn(3, '_');
        let from_me = match parts.next() {
            Some("true") => true,
            Some("false") => false,
            _ => return Err(INVALID),
        };
        let chat: ChatAddress = parts.next().and_then(|chat| chat.parse().ok()).ok_or(INVALID)?;
        let rest = parts.next().ok_or(INVALID)?;
        let may_have_author = !from_me && chat.kind() == AddressKind::Group;
        let (unique_id, author) = match split_author(rest) {
            Some((unique_id, author)) if may_have_author => (unique_id, Some(author)),
            Some(_) | None => (rest, None),
        };
        Ok(Self { from_me, chat, unique_id: unique_id.to_owned(), author })
    }
}

/// The id and the author of `<unique_id>_<author>`.
fn split_author(text: &str) -> Option<(&str, ChatAddress)> {
    let (unique_id, author) = text.rsplit_once('_')?;
    // Without a server it may be a part of the id.
    let author: ChatAddress = author.contains('@').then(|| author.parse().ok())??;
    (author.kind() != AddressKind::Group).then_some((unique_id, author))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (bool, String, String, Option<String>) {
        let MessageId { from_me, chat, unique_id, author } = text.parse().unwrap();
        (from_me, chat.to_string(), unique_id, author.map(|author| author.to_string()))
    }

    #[test]
    fn message_id_has_the_chat_the_unique_id_and_the_author() {
        let (group, person) = ("1203630@g.us", "15550101001@c.us");
        for (text, chat, unique_id, author) in [
            ("15550101001@s.whatsapp.net_3EB0", person, "3EB0", None),
            ("15550101001@c.us_a_b", person, "a_b", None),
            ("15550101001@c.us_a_15550101002@c.us", person, "a_15550101002@c.us", None),
            ("1203630@g.us_3EB0", group, "3EB0", None),
            ("1203630@g.us_3EB0_15550101002@s.whatsapp.net", group, "3EB0", Some("15550101002@c.us")),
            ("1203630@g.us_a_b_1894@lid", group, "a_b", Some("1894@lid")),
            ("1203630@g.us_3EB0_US.1349@bsuid", group, "3EB0", Some("US.1349@bsuid")),
            ("1203630@g.us_a_US.1349", group, "a_US.1349", None),
            ("1203630@g.us_a_1203631@g.us", group, "a_1203631@g.us", None),
        ] {
            let expected = (false, chat.to_owned(), unique_id.to_owned(), author.map(str::to_owned));
            assert_eq!(parts(&format!("false_{text}")), expected, "{text}");
        }
        let own = (true, group.to_owned(), "a_15550101002@c.us".to_owned(), None);
        assert_eq!(parts("true_1203630@g.us_a_15550101002@c.us"), own);
    }

    #[test]
    fn other_texts_are_no_message_ids() {
        for text in [
            "3EB0",
            "true",
            "true_3EB0",
            "true_15550101001@c.us",
            "TRUE_15550101001@c.us_3EB0",
            "true_x@c.us_3EB0",
        ] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
