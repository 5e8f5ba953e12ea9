//! Maps what the history has beside messages: LIDs, contacts, chats.

use prost_types::FieldMask;
use serde_json::Value;

use super::context::{Context, address, link, push, push_name};
use super::fields::{flag, instant, number, person, text};
use crate::connect::gateway::Mapped;
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::ingest_event::{Chat, ChatType, Contact, Event, Read, Unread};

/// Maps a LID and its phone number.
pub(super) fn lid(pair: &Value, mapped: &mut Mapped) {
    if let (Some(lid), Some(phone)) = (person(pair, &["/lid"]), person(pair, &["/pn"])) {
        link(mapped, &lid, &phone);
    }
}

/// Maps a contact: its name in the address book, else the one that it has chosen.
pub(super) fn contact(context: &Context, contact: &Value, mapped: &mut Mapped) {
    let id = address(contact, "id").filter(|id| id.kind() != AddressKind::Group && !context.is_own(id));
    let Some(id) = id else { return };
    let phone = ["phoneNumber", "number"].into_iter().find_map(|name| address(contact, name));
    for other in phone.iter().chain(&address(contact, "lid")) {
        link(mapped, &id, other);
    }
    match text(contact, &["/name", "/verifiedName"]).filter(|name| !is_phone(name)) {
        Some(name) => {
            let updated_at = Some(context.at.into());
            push(
                mapped,
                Event::Contact(Contact {
                    id: id.to_string(),
                    name: Some(name),
                    updated_at,
                    ..Contact::default()
                }),
            );
        }
        None => push_name(mapped, &id, text(contact, &["/pushname", "/notify"]), context.at),
    }
}

/// Where the reading of a chat is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Everything up to the latest message is read.
    All,
    /// So many messages are unread.
    Unread(u64),
    /// The engine does not report it.
    Unknown,
}

/// A chat of the list.
pub(super) struct Listed {
    /// Its address.
    pub id: ChatAddress,
    /// How far it is read.
    pub reading: Reading,
    /// Whether it is marked as unread, beside its messages.
    pub is_marked: bool,
    /// When its latest message was sent.
    pub latest: Option<Instant>,
}

/// Maps a chat of the list; `None` when it is none, such as status updates.
pub(super) fn chat(context: &Context, listed: &Value, mapped: &mut Mapped) -> Option<Listed> {
    let id = address(listed, "id")?;
    let kind = if id.kind() == AddressKind::Group { ChatType::Group } else { ChatType::Dm };
    let mut chat = Chat {
        jid: id.to_string(),
        r#type: kind.into(),
        name: text(listed, &["/name", "/subject"]).filter(|name| !is_phone(name)),
        archived: listed.get("archived").or_else(|| listed.get("archive")).and_then(Value::as_bool),
        pinned: listed
            .get("pinned")
            .map(|pinned| pinned.as_bool().unwrap_or(number(listed, &["/pinned"]) > Some(0.0))),
        updated_at: Some(context.at.into()),
        ..Chat::default()
    };
    let mute = number(listed, &["/muteExpiration", "/muteEndTime"]);
    match mute {
        Some(until) if until < 0.0 => {
            chat.muted_until = Instant::from_millis(Instant::MAX_MILLIS).map(Into::into)
        }
        Some(until) if until > 0.0 => {
            chat.muted_until = instant(listed, &["/muteExpiration", "/muteEndTime"]).map(Into::into);
        }
        _ if mute.is_some() || listed.get("isMuted").is_some() && !flag(listed, &["/isMuted"]) => {
            chat.cleared = Some(FieldMask { paths: vec!["muted_until".to_owned()] });
        }
        _ => {}
    }
    push(mapped, Event::Chat(chat));
    let unread = number(listed, &["/unreadCount"]);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturating")]
    let reading = match unread {
        Some(count) if count > 0.0 => Reading::Unread(count as u64),
        Some(_) => Reading::All,
        None => Reading::Unknown,
    };
    let is_marked =
        unread.is_some_and(|count| count < 0.0) || flag(listed, &["/markedAsUnread", "/isMarkedUnread"]);
    let latest = instant(listed, &["/conversationTimestamp", "/timestamp", "/lastMessage/timestamp"]);
    Some(Listed { id, reading, is_marked, latest })
}

/// How far the chat is read, given its newest messages if some are unread. What was sent before `old` counts as read if the
/// engine does not say.
pub(super) fn read(listed: &Listed, newest: &[Value], old: Option<Instant>, mapped: &mut Mapped) {
    let up_to = match listed.reading {
        Reading::All => listed.latest,
        // Without the messages, the latest one is unread.
        Reading::Unread(count) => before_unread(newest, count).or_else(|| listed.latest.map(just_before)),
        Reading::Unknown => listed.latest.and_then(|latest| Some(latest.min(old?))),
    };
    let chat = listed.id.to_string();
    if let Some(up_to) = up_to {
        push(mapped, Event::Read(Read { chat: chat.clone(), up_to: Some(up_to.into()) }));
    }
    if listed.is_marked {
        push(mapped, Event::Unread(Unread { chat, count: Some(1) }));
    } else if listed.reading == Reading::All {
        push(mapped, Event::Unread(Unread { chat, count: Some(0) }));
    }
}

/// Just before the first of so many unread messages; before all that are given if they are fewer.
fn before_unread(newest: &[Value], count: u64) -> Option<Instant> {
    let incoming = newest.iter().filter(|message| !flag(message, &["/fromMe"]));
    let mut times: Vec<Instant> = incoming.filter_map(|message| instant(message, &["/timestamp"])).collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    let unread = usize::try_from(count).unwrap_or(usize::MAX).min(times.len());
    let first = times.get(unread.checked_sub(1)?)?;
    Some(just_before(*first))
}

fn just_before(at: Instant) -> Instant {
    Instant::from_micros(at.micros() - 1)
}

/// Whether a name is just a phone number, which WhatsApp shows for persons without one.
fn is_phone(name: &str) -> bool {
    name.chars().all(|c| {
        c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '\u{a0}' | '\u{202a}' | '\u{202c}')
    }) || name.contains('@') && name.parse::<ChatAddress>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chat_is_read_until_just_before_its_first_unread_message() {
        let message = |at: i64, from_me: bool| json!({ "timestamp": at, "fromMe": from_me });
        let newest =
            [message(1_760_000_030, false), message(1_760_000_020, true), message(1_760_000_010, false)];
        for (count, expected) in [(1, 1_760_000_029), (2, 1_760_000_009), (9, 1_760_000_009)] {
            let up_to = before_unread(&newest, count).unwrap();
            assert_eq!(up_to.micros(), expected * 1_000_000 + 999_999, "{count}");
        }
        assert_eq!(before_unread(&[], 3), None);
    }

    #[test]
    fn name_that_is_a_phone_number_is_none() {
        assert!(is_phone("+1 555-010-1844") && is_phone("15550101844@c.us"));
        assert!(!is_phone("Asha") && !is_phone("Flat 4"));
    }
}
