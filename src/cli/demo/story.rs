//! The demo's chats as a connector would tell them.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::conversations::{GROUPS, IN_GROUPS, Line, OPEN_ENDS, PERSONAL};
use super::{NUMBERS, Number, people};
use crate::actions::ingest::{
    ChatEvent, ChatKind, ConnectionStatus, ContactEvent, DeliveryInfo, Event, IngestEvent, MemberEvent,
    MessageEvent, ReadEvent, StatusEvent,
};
use crate::instant::Instant;
use crate::patch::Patch;

const SEED: u64 = 1555;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// All events, in an order in which they could have come.
pub(super) struct Story {
    pub(super) events: Vec<IngestEvent>,
    random: StdRng,
    /// When it is told, Unix milliseconds.
    now: i64,
    messages: u64,
}

/// A group's address.
pub(super) fn group_id(group: usize) -> String {
    format!("1203634000000000{group:02}@g.us")
}

/// Whether the event is about that chat or the person in it.
pub(super) fn is_of(event: &IngestEvent, chat: &str) -> bool {
    match &event.event {
        Event::Contact(event) => event.id == chat,
        Event::Chat(event) => event.jid == chat,
        Event::Message(event) => event.chat == chat,
        Event::Read(event) => event.chat == chat,
        Event::Receipt(_)
        | Event::Address(_)
        | Event::DeleteMessage(_)
        | Event::Status(_)
        | Event::Unread(_)
        | Event::Inbox(_)
        | Event::Number(_)
        | Event::Member(_)
        | Event::Label(_)
        | Event::Property(_) => false,
    }
}

/// That both numbers are connected.
pub(super) fn connected(at: Instant) -> Vec<IngestEvent> {
    let status = Event::Status(StatusEvent { status: ConnectionStatus::Connected, at });
    let told = NUMBERS.iter().map(|number| (number.session.to_owned(), status.clone()));
    told.map(|(session, event)| IngestEvent { session, event }).collect()
}

impl Story {
    /// The same story for the same instant.
    pub(super) fn tell(now: Instant) -> Self {
        let random = StdRng::seed_from_u64(SEED);
        let mut story = Self { events: Vec::new(), random, now: now.millis(), messages: 0 };
        let [support, sales] = &NUMBERS;
        for number in [support, sales] {
            story.number(number);
        }
        for person in 0..people::COUNT {
            story.person(support, person);
            // Some customers talk to both numbers, others to one.
            let number = if person.is_multiple_of(3) { sales } else { support };
            story.chat_with(number, person);
            if person.is_multiple_of(8) {
                story.chat_with(if person.is_multiple_of(3) { support } else { sales }, person);
            }
        }
        for (group, name) in GROUPS.iter().enumerate() {
            story.group(if group % 4 == 3 { sales } else { support }, group, name);
        }
        story
    }

    fn say(&mut self, number: &Number, event: Event) {
        self.events.push(IngestEvent { session: number.session.to_owned(), event });
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn number(&mut self, number: &Number) {
        let contact = ContactEvent {
            id: format!("{}@c.us", number.phone),
            name: Patch::Set(format!("Acme {}", number.label)),
            color: Patch::Set("#3D7EA6".to_owned()),
            is_internal: Some(true),
            ..ContactEvent::default()
        };
        self.say(number, Event::Contact(contact));
    }

    fn person(&mut self, number: &Number, person: usize) {
        let contact = ContactEvent {
            id: format!("{}@c.us", people::digits(person)),
            name: Patch::Set(people::name(person)),
            color: Patch::Set(people::color(person).to_owned()),
            is_internal: Some(false),
            ..ContactEvent::default()
        };
        self.say(number, Event::Contact(contact));
    }

    fn chat_with(&mut self, number: &Number, person: usize) {
        let id = format!("{}@c.us", people::digits(person));
        let lines = &PERSONAL[self.random.random_range(0..PERSONAL.len())];
        let is_business = person % 17 == 5;
        let chat = ChatEvent {
            kind: Some(if is_business { ChatKind::Business } else { ChatKind::Dm }),
            name: Patch::Set(people::name(person)),
            members: Some(vec![member(&format!("{}@c.us", number.phone), false), member(&id, false)]),
            ..self.settings(&id)
        };
        self.say(number, Event::Chat(Box::new(chat)));
        self.conversation(number, &id, std::slice::from_ref(&id), lines);
    }

    fn group(&mut self, number: &Number, group: usize, name: &str) {
        let id = group_id(group);
        let count = self.random.random_range(3..12);
        let mut people: Vec<String> = Vec::with_capacity(count);
        while people.len() < count {
            let person = format!("{}@c.us", people::digits(self.random.random_range(0..people::COUNT)));
            if !people.contains(&person) {
                people.push(person);
            }
        }
        let own = MemberEvent { is_super_admin: true, ..member(&format!("{}@c.us", number.phone), true) };
        let others = people.iter().enumerate().map(|(place, person)| member(person, place == 0));
        let chat = ChatEvent {
            kind: Some(ChatKind::Group),
            name: Patch::Set(name.to_owned()),
            description: Patch::Set(format!("Everything about {name}.")),
            info_admins_only: Patch::Set(group.is_multiple_of(3)),
            messages_admins_only: Patch::Set(group % 5 == 4),
            add_members_admins_only: Patch::Set(group.is_multiple_of(2)),
            member_add_mode: Patch::Set(
                if group.is_multiple_of(2) { "admin_add" } else { "all_member_add" }.to_owned(),
            ),
            exited: Some(group % 16 == 15),
            members: Some(std::iter::once(own).chain(others).collect()),
            ..self.settings(&id)
        };
        self.say(number, Event::Chat(Box::new(chat)));
        let lines = &IN_GROUPS[group % IN_GROUPS.len()];
        self.conversation(number, &id, &people, lines);
    }

    /// What a number does with its chats: a few are archived, pinned or muted.
    fn settings(&mut self, id: &str) -> ChatEvent {
        let muted_until =
            if self.chance(10) { Patch::Set(self.instant(self.now + 30 * DAY)) } else { Patch::Clear };
        let created = self.now - self.random.random_range(30..400) * DAY;
        ChatEvent {
            jid: id.to_owned(),
            archived: Some(self.chance(12)),
            pinned: Some(self.chance(4)),
            exited: Some(false),
            muted_until,
            created_at: Patch::Set(self.instant(created)),
            ..ChatEvent::default()
        }
    }

    fn instant(&self, millis: i64) -> Instant {
        Instant::from_millis(millis).unwrap_or(Instant::from_micros(self.now * 1000))
    }

    /// Somebody writes, we answer, and some of what came last is not read yet.
    fn conversation(&mut self, number: &Number, chat: &str, people: &[String], lines: &[Line]) {
        // Most is recent: the age is the product of two even draws.
        let age = self.random.random_range(0..120) * self.random.random_range(1..170) * MINUTE;
        let open_ends = if self.chance(35) { self.random.random_range(1..4) } else { 0 };
        let count = i64::try_from(lines.len() + open_ends).unwrap_or_default();
        let mut at = self.now - age - count * 4 * MINUTE;
        for line in lines {
            at += self.random.random_range(20_000..4 * MINUTE);
            self.message(number, chat, people, line, at);
        }
        self.say(number, Event::Read(ReadEvent { chat: chat.to_owned(), up_to: self.instant(at) }));
        for _ in 0..open_ends {
            at += self.random.random_range(20_000..4 * MINUTE);
            let text = OPEN_ENDS[self.random.random_range(0..OPEN_ENDS.len())];
            self.message(number, chat, people, &Line::Them(text), at);
        }
    }

    fn message(&mut self, number: &Number, chat: &str, people: &[String], line: &Line, at: i64) {
        self.messages += 1;
        let id = format!("3EB0DE30{:012X}", self.messages);
        let from_me = matches!(line, Line::Us(_));
        let mut message = MessageEvent::new(id, chat, from_me, self.instant(at));
        let sender = if from_me {
            format!("{}@c.us", number.phone)
        } else {
            people[self.random.random_range(0..people.len())].clone()
        };
        let (Line::Them(text) | Line::Us(text) | Line::Picture(text)) = line;
        message.body = Some((*text).to_owned());
        message.kind = Some("chat".to_owned());
        message.has_media = Some(false);
        if let Line::Picture(_) = line {
            message.kind = Some("image".to_owned());
            message.has_media = Some(true);
            message.media_key = Some(format!("demo{:08x}", self.messages));
            let picture = format!("https://images.acme.example/demo/{}.jpg", self.messages % 7);
            message.media = Some(json!({"path": picture, "mimetype": "image/jpeg", "size": 48_213}));
        }
        if chat.ends_with("@g.us") {
            message.author = Some(sender.clone());
        }
        if from_me {
            let is_read = self.chance(80);
            message.ack = Some(if is_read { "4" } else { "3" }.to_owned());
            message.delivery_info = Some(received_by(people, at, is_read));
            message.performed_by = Some("agent@acme.example".to_owned());
        }
        message.sender = Some(sender);
        self.say(number, Event::Message(Box::new(message)));
    }
}

fn member(id: &str, is_admin: bool) -> MemberEvent {
    MemberEvent { id: id.to_owned(), is_admin, is_super_admin: false }
}

fn received_by(people: &[String], at: i64, is_read: bool) -> DeliveryInfo {
    let delivered: BTreeMap<String, i64> = people.iter().map(|person| (person.clone(), at + 1_300)).collect();
    let read = if is_read {
        people.iter().map(|person| (person.clone(), at + 9_700)).collect()
    } else {
        BTreeMap::new()
    };
    DeliveryInfo { delivered, read, ..DeliveryInfo::default() }
}
