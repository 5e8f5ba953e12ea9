//! Pulls the history: LIDs, contacts and groups, then chats with their read marks, then messages, oldest first.
//!
//! The messages of all chats come in one list where the engine has one, else chat by chat. A place in a list of messages is a
//! time and the number of messages of that second that are done, so that messages that arrive meanwhile shift nothing.

use std::time::Duration;

use serde_json::Value;

use super::client::{Client, Failure};
use super::context::{Context, link};
use super::cursor::{Cursor, Stage};
use super::fields::{instant, person};
use super::history;
use super::lists::{Lists, Messages, PAGE};
use super::{group, message};
use crate::connect::budget::Budget;
use crate::connect::gateway::{FollowUp, GatewayError, Mapped, Pulled};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::Event;

/// What changed earlier is pulled again: messages can be edited for 15 minutes.
const OVERLAP: Duration = Duration::from_hours(1);
/// Older files are no longer at WhatsApp.
const MEDIA_AGE: Duration = Duration::from_hours(30 * 24);
/// Items of the other lists; chats are fewer because those with unread messages take a request each.
const LIST: usize = 500;
const CHATS: usize = 100;

impl Client {
    /// Reads the next page.
    pub(super) async fn pull(
        &self,
        since: Option<Instant>,
        cursor: Option<&Value>,
        budget: &Budget,
    ) -> Result<Pulled, GatewayError> {
        // A place that another version has stored may be unreadable: the history is read from its beginning then.
        let cursor = cursor.and_then(|cursor| serde_json::from_value::<Cursor>(cursor.clone()).ok());
        let own = ChatAddress::of_phone(&self.settings.phone);
        let mut page = Page {
            lists: Lists { client: self, budget, unreadable_chats: 0 },
            context: Context { own, own_lid: cursor.as_ref().and_then(Cursor::own_lid), at: Instant::now() },
            since: since.map(|since| Instant::from_micros(since.micros() - OVERLAP.as_micros() as i64)),
            mapped: Mapped::default(),
        };
        let next = match cursor {
            None => page.begin().await,
            Some(cursor) => page.read(cursor).await,
        };
        let (done, next) = next.map_err(Failure::into_gateway_error)?;
        let cursor = next.as_ref().map(serde_json::to_value).transpose();
        let cursor = cursor.map_err(|error| GatewayError::Unexpected(error.to_string()))?;
        Ok(Pulled { mapped: page.mapped, cursor, chats: done, unreadable_chats: page.lists.unreadable_chats })
    }
}

/// Chats that are complete and all of them, and the next place.
type Next = ((u64, u64), Option<Cursor>);

/// A page that is being read.
struct Page<'a> {
    lists: Lists<'a>,
    context: Context,
    since: Option<Instant>,
    mapped: Mapped,
}

impl Page<'_> {
    /// The first page: the session's own addresses.
    async fn begin(&mut self) -> Result<Next, Failure> {
        self.lists.budget.spend().await;
        let session = self.lists.client.session().await?;
        if let Some(lid) = person(&session, &["/me/lid"]).filter(|lid| lid.kind() == AddressKind::Lid) {
            link(&mut self.mapped, &self.context.own, &lid);
            self.context.own_lid = Some(lid);
        }
        Ok(((0, 0), Some(Cursor { started: self.context.at.micros(), ..self.place() })))
    }

    /// The beginning of the history.
    fn place(&self) -> Cursor {
        let own_lid = self.context.own_lid.as_ref().map(ToString::to_string);
        Cursor { own_lid, ..Cursor::default() }
    }

    async fn read(&mut self, cursor: Cursor) -> Result<Next, Failure> {
        match cursor.stage {
            Stage::Lids | Stage::Contacts | Stage::Groups => self.list(cursor).await,
            Stage::Chats => self.chats(cursor).await,
            Stage::All => self.all(cursor).await,
            Stage::Each => self.each(cursor).await,
        }
    }

    /// A page of a list that not every engine has.
    async fn list(&mut self, cursor: Cursor) -> Result<Next, Failure> {
        let client = self.lists.client;
        let (path, next) = match cursor.stage {
            Stage::Lids => (client.path(&["lids"]), Stage::Contacts),
            Stage::Contacts => ("/api/contacts/all".to_owned(), Stage::Groups),
            Stage::Groups | Stage::Chats | Stage::All | Stage::Each => {
                (client.path(&["groups"]), Stage::Chats)
            }
        };
        let mut query = vec![("limit", LIST.to_string()), ("offset", cursor.offset.to_string())];
        if cursor.stage == Stage::Contacts {
            query.push(("session", client.settings.account.clone()));
        }
        let next = Cursor { stage: next, started: cursor.started, ..self.place() };
        let items = match self.lists.get(&path, &query).await {
            Ok(items) => items,
            Err(failure) if failure.is_unsupported() => return Ok(((0, 0), Some(next))),
            Err(failure) => return Err(failure),
        };
        if cursor.is_repeated(&items) {
            return Ok(((0, 0), Some(next)));
        }
        for item in &items {
            match cursor.stage {
                Stage::Lids => history::lid(item, &mut self.mapped),
                Stage::Contacts => history::contact(&self.context, item, &mut self.mapped),
                Stage::Groups | Stage::Chats | Stage::All | Stage::Each => {
                    group::map(&self.context, item, None, &mut self.mapped);
                }
            }
        }
        let following = if items.len() == LIST { cursor.after(&items) } else { next };
        Ok(((0, 0), Some(following)))
    }

    /// A page of chats, with how far each is read: what is pulled next counts as unread only after that.
    async fn chats(&mut self, cursor: Cursor) -> Result<Next, Failure> {
        let items = self.lists.chat_list(cursor.offset, CHATS).await?;
        let messages = self.messages_from(0, cursor.chats);
        let old = self.since.is_none().then(|| Instant::from_micros(cursor.started));
        if cursor.is_repeated(&items) {
            return Ok(((0, cursor.chats), Some(messages)));
        }
        for item in &items {
            let Some(listed) = history::chat(&self.context, item, &mut self.mapped) else { continue };
            let newest = self.lists.newest(&listed).await?;
            history::read(&listed, &newest, old, &mut self.mapped);
        }
        let chats = cursor.chats + items.len() as u64;
        let following = match items.len() == CHATS {
            true => Cursor { chats, ..cursor.after(&items) },
            false => Cursor { chats, ..messages },
        };
        Ok(((0, chats), Some(following)))
    }

    fn messages_from(&self, offset: usize, chats: u64) -> Cursor {
        let from = self.since.map_or(0, |since| since.micros().div_euclid(1_000_000));
        Cursor { stage: Stage::All, offset, from, chats, ..self.place() }
    }

    /// A page of the messages of all chats. Where there is no such list, or a page of it cannot be read, the messages are read
    /// chat by chat from the beginning.
    async fn all(&mut self, mut cursor: Cursor) -> Result<Next, Failure> {
        let is_first = cursor.skip == 0;
        let read = match is_first {
            true => self.lists.messages("all", &mut cursor).await,
            false => self.lists.messages_again("all", &mut cursor).await,
        };
        match read {
            Err(failure) if failure.is_unsupported() => {
                if !is_first {
                    self.lists.chat_list(0, 1).await?;
                }
                let each = Cursor { stage: Stage::Each, ..self.messages_from(0, cursor.chats) };
                Ok(((0, cursor.chats), Some(each)))
            }
            Err(failure) => Err(failure),
            Ok(page) if page.items.is_empty() || cursor.is_repeated(&page.items) => {
                Ok(((cursor.chats, cursor.chats), None))
            }
            Ok(page) => Ok(((0, cursor.chats), Some(self.map(&page, cursor)))),
        }
    }

    /// Messages chat by chat, until a page is full.
    async fn each(&mut self, mut cursor: Cursor) -> Result<Next, Failure> {
        let listed = self.lists.chat_list(cursor.offset, CHATS).await?;
        let mut mapped = 0;
        for chat in &listed {
            let latest = instant(chat, &["/conversationTimestamp", "/timestamp", "/lastMessage/timestamp"]);
            let is_old = latest.is_some_and(|latest| self.since.is_some_and(|since| latest < since));
            let id = super::context::address(chat, "id").filter(|_| !is_old);
            while let Some(id) = &id {
                let Some(page) = self.lists.messages_of(id, &mut cursor).await? else { break };
                let items = &page.items;
                mapped += items.len();
                // WhatsApp Web drops nothing of a page, so a page that is not full is the last one.
                let is_last = items.is_empty() || items.len() < page.limit / 2 || cursor.is_repeated(items);
                cursor = self.map(&page, cursor);
                if is_last {
                    break;
                }
                if mapped >= PAGE {
                    return Ok(((cursor.offset as u64, cursor.chats), Some(cursor)));
                }
            }
            cursor = Cursor { stage: Stage::Each, ..self.messages_from(cursor.offset + 1, cursor.chats) };
            if mapped >= PAGE {
                return Ok(((cursor.offset as u64, cursor.chats), Some(cursor)));
            }
        }
        let next = (listed.len() == CHATS).then_some(cursor.clone());
        Ok(((cursor.offset as u64, cursor.chats), next))
    }

    /// Maps messages and returns the place after them. A message that cannot be mapped is left out.
    fn map(&mut self, page: &Messages, cursor: Cursor) -> Cursor {
        for item in &page.items {
            let mut mapped = Mapped::default();
            match message::map(&self.context, item, &mut mapped) {
                Ok(()) => self.add(item, mapped),
                Err(problem) => tracing::warn!(problem, "a message of the history is left out"),
            }
        }
        let next = cursor.after_messages(&page.items);
        // After a small page, the next one may begin with the same message without being the end: the place does not count
        // messages of its second that were left out.
        if page.limit < PAGE { Cursor { first: None, ..next } } else { next }
    }

    /// Adds what a message became, without what another message of the page says already.
    fn add(&mut self, item: &Value, mapped: Mapped) {
        let sent_at = instant(item, &["/timestamp"]).unwrap_or(self.context.at);
        let has_file = sent_at.later_by(MEDIA_AGE) > self.context.at;
        for event in mapped.events {
            let known = self.mapped.events.iter_mut().find(|known| is_same_person(known, &event));
            match known {
                Some(known) => *known = event,
                None => self.mapped.events.push(event),
            }
        }
        for task in mapped.follow_ups {
            let is_lookup = matches!(task, FollowUp::Lookup(_));
            if if is_lookup { !self.mapped.follow_ups.contains(&task) } else { has_file } {
                self.mapped.follow_ups.push(task);
            }
        }
    }
}

/// Whether both events are the name of one person, or the same two addresses.
fn is_same_person(known: &IngestEvent, event: &IngestEvent) -> bool {
    match (&known.event, &event.event) {
        (Some(Event::Contact(known)), Some(Event::Contact(contact))) => known.id == contact.id,
        (Some(Event::Address(known)), Some(Event::Address(address))) => known == address,
        _ => false,
    }
}
