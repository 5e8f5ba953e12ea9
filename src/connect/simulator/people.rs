//! The persons that a simulated line talks to, and what they say.

use crate::connect::gateway::Content;
use crate::ids::{AddressKind, ChatAddress};

/// The longest part of a message that an answer repeats, in characters.
const MAX_QUOTE: usize = 40;

const ANSWERS: [&str; 5] = [
    "Thanks! You wrote “{}” – that works for me.",
    "“{}” sounds good. When would that be?",
    "Got it: “{}”. I will get back to you.",
    "About “{}”: could you send me the details?",
    "Great, “{}” it is. Thank you!",
];

const UNPROMPTED: [&str; 5] = [
    "Hi, are you open today?",
    "Is there any news about my order?",
    "Could someone call me back, please?",
    "Thank you for the quick help yesterday!",
    "Do you also deliver on Saturdays?",
];

/// Names of persons, by the last digit of their number.
const NAMES: [&str; 10] = [
    "Sam Okafor",
    "Lena Novak",
    "Diego Ramos",
    "Yuki Tanaka",
    "Amara Diallo",
    "Jonas Weber",
    "Leila Aziz",
    "Oliver Grant",
    "Mei Lin",
    "Hana Kim",
];

/// Digits before those of the number of a person who writes for the first time.
const STRANGERS: &str = "1555010199";

/// What a person says to a message; nothing to a picture or a place.
pub(super) fn answer(content: &Content) -> Option<String> {
    let said = match content {
        Content::Text { body, .. } => body.clone(),
        Content::Media { caption, .. } => caption.clone()?,
        Content::Poll { question, options, .. } => {
            return Some(format!("{question} – {}, please.", options.first()?));
        }
        Content::Contacts { .. } => return Some("Thanks for the contact!".to_owned()),
        Content::Template { .. }
        | Content::Location { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Delete { .. } => return None,
    };
    let quote: String = said.chars().take(MAX_QUOTE).collect();
    let quote = if quote.len() < said.len() { format!("{quote}…") } else { quote };
    let choice = said.bytes().map(usize::from).sum::<usize>() % ANSWERS.len();
    Some(ANSWERS[choice].replace("{}", &quote))
}

/// What a person writes by itself for the nth time.
pub(super) fn unprompted(number: usize) -> String {
    UNPROMPTED[number % UNPROMPTED.len()].to_owned()
}

/// The member of a group that acts about a message.
pub(super) fn choose<'a>(members: &'a [String], message: &str) -> Option<&'a String> {
    let choice = message.bytes().map(usize::from).sum::<usize>() % members.len().max(1);
    members.get(choice)
}

/// Who writes in a chat: its person, or in a group somebody of the simulator's own. Id and name.
pub(super) fn writer(chat: &ChatAddress) -> (String, String) {
    match chat.kind() {
        AddressKind::Group => (format!("{STRANGERS}0@c.us"), "Noor Haddad".to_owned()),
        AddressKind::Person | AddressKind::Lid | AddressKind::UserId => {
            let id = chat.to_string();
            let digit = id.split('@').next().and_then(|user| user.bytes().last()).unwrap_or_default();
            let name = NAMES[usize::from(digit) % NAMES.len()];
            (id, name.to_owned())
        }
    }
}

/// The chat of somebody who writes for the first time.
pub(super) fn stranger(number: usize) -> Option<ChatAddress> {
    format!("{STRANGERS}{}@c.us", 1 + number % 9).parse().ok()
}

/// Whether the person is one of the simulator's own.
pub(super) fn is_stranger(contact: &str) -> bool {
    contact.starts_with(STRANGERS)
}
