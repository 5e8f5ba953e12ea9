//! Ids of messages as WAHA spells them: `<from me>_<chat>_<id>`, in groups with `_<author>` at the end.

use crate::connect::gateway::QuotedMessage;
use crate::ids::{AddressKind, ChatAddress};

/// The parts of an id. The chat is as WAHA spells it, because not everything in its place is a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageId<'a> {
    /// Whether the session sent the message.
    pub from_me: bool,
    /// The chat, the only reliable place of it: `from` and `to` mean something else in each engine.
    pub chat: &'a str,
    /// WhatsApp's id of the message.
    pub id: &'a str,
    /// Who sent it, in a group.
    pub author: Option<ChatAddress>,
}

/// Reads an id; `None` when it has another form.
pub(super) fn parse(text: &str) -> Option<MessageId<'_>> {
    let (from_me, rest) = text.split_once('_')?;
    let at = rest.find('@')?;
    let chat_end = at + rest[at..].find('_')?;
    let (chat, rest) = (&rest[..chat_end], &rest[chat_end + 1..]);
    let (id, author) = match rest.rsplit_once('_') {
        Some((id, author)) if author.contains('@') => (id, author.parse().ok()),
        Some(_) | None => (rest, None),
    };
    let is_from_me = match from_me {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    (!id.is_empty()).then_some(MessageId { from_me: is_from_me, chat, id, author })
}

/// The bare id of a message whose id is complete or bare.
pub(super) fn bare(text: &str) -> &str {
    parse(text).map_or(text, |parts| parts.id)
}

/// The id of a message, as requests to WAHA name it.
pub(super) fn spell(chat: &ChatAddress, message: &QuotedMessage, own: &ChatAddress) -> String {
    let QuotedMessage { id, from_me, author } = message;
    match (chat.kind(), author) {
        (AddressKind::Group, Some(author)) if !from_me => format!("false_{chat}_{id}_{author}"),
        (AddressKind::Group, _) if *from_me => format!("true_{chat}_{id}_{own}"),
        _ => format!("{from_me}_{chat}_{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_and_without_author_are_read() {
        let id = parse("false_120363300000000001@g.us_3EB0AA_15550101844:2@c.us").unwrap();
        assert_eq!((id.from_me, id.chat, id.id), (false, "120363300000000001@g.us", "3EB0AA"));
        assert_eq!(id.author.map(|author| author.to_string()).as_deref(), Some("15550101844@c.us"));
        let id = parse("true_15550101844@c.us_A_B").unwrap();
        assert_eq!((id.from_me, id.chat, id.id, id.author), (true, "15550101844@c.us", "A_B", None));
        for other in ["", "3EB0AA", "true_", "yes_1@c.us_A", "true_1@c.us_", "true_1@c.us", "true_1_A"] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!((bare("3EB0AA"), bare("true_1@c.us_3EB0AA")), ("3EB0AA", "3EB0AA"));
    }
}
