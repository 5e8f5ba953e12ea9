//! The messages that events are about, as they are now.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::read::{ChangeEvent, RoutableEvent};
use crate::bulk::has_key_of;
use crate::connection::{Connection, StoreResult};
use crate::message_views::MessageView;
use crate::org_rows::org_rows;
use crate::org_views::{View, of_org};
use crate::schema::{chat_merges, events, messages, person_links};
use crate::views::message_views;
use switchboard_core::ids::{OrgId, SessionId};
use switchboard_core::instant::Instant;

/// A change event with its message.
#[derive(Clone, Debug)]
pub struct DetailedEvent {
    /// The event.
    pub routable: RoutableEvent,
    /// The message that it is about, while that is stored.
    pub message: Option<MessageView>,
}

/// The key of a message in an organization.
type Key = (SessionId, i64, String, bool, String);

/// The key of the message that an event of the chat is about.
fn key_of(chat_key: i64, event: &ChangeEvent) -> Option<Key> {
    Some((event.session_id?, chat_key, event.message_id.clone()?, event.from_me?, event.author.clone()?))
}

/// The messages that these events of chats are about, by the id of the event. A message may have moved to another chat since,
/// or its author may be known by another address.
pub fn messages_of(
    connection: &mut Connection,
    org: OrgId,
    events: &[(i64, &ChangeEvent)],
) -> StoreResult<BTreeMap<i64, MessageView>> {
    let mut keys: BTreeMap<i64, Key> = events
        .iter()
        .filter_map(|(chat_key, event)| Some((event.event_id, key_of(*chat_key, event)?)))
        .collect();
    let mut found = with_keys(connection, org, keys.values().collect())?;
    let missing: BTreeMap<i64, Key> =
        keys.iter().filter(|(_, key)| !found.contains_key(key)).map(|(id, key)| (*id, key.clone())).collect();
    let moved = moved(connection, org, missing)?;
    found.extend(with_keys(connection, org, moved.values().collect())?);
    keys.extend(moved);
    Ok(keys.into_iter().filter_map(|(event, key)| Some((event, found.get(&key)?.clone()))).collect())
}

/// Those of the keys, by the id of the event, that messages have lost since: with the chat and the author that replaced theirs.
fn moved(
    connection: &mut Connection,
    org: OrgId,
    keys: BTreeMap<i64, Key>,
) -> StoreResult<BTreeMap<i64, Key>> {
    let chats: BTreeSet<i64> = keys.values().map(|(_, chat_key, ..)| *chat_key).collect();
    let authors: BTreeSet<&str> = keys.values().map(|(.., author)| author.as_str()).collect();
    let authors: Vec<&str> = authors.into_iter().filter(|author| !author.is_empty()).collect();
    let (mut merged, mut persons) = (BTreeMap::new(), BTreeMap::new());
    if !chats.is_empty() {
        let merges = org_rows!(chat_merges, org).filter(chat_merges::chat_key.eq_any(chats));
        let merges = merges.select((chat_merges::chat_key, chat_merges::merged_into));
        merged.extend(merges.load::<(i64, i64)>(connection)?);
    }
    if !authors.is_empty() {
        let links = org_rows!(person_links, org).filter(person_links::address.eq_any(authors));
        let links = links.select((person_links::address, person_links::person));
        persons.extend(links.load::<(String, String)>(connection)?);
    }
    let moved = keys.into_iter().filter_map(|(event, key)| {
        let (session, chat_key, id, from_me, author) = &key;
        let chat_key = *merged.get(chat_key).unwrap_or(chat_key);
        let author = persons.get(author).unwrap_or(author).clone();
        let now = (*session, chat_key, id.clone(), *from_me, author);
        (now != key).then_some((event, now))
    });
    Ok(moved.collect())
}

/// The stored messages with these keys.
fn with_keys(
    connection: &mut Connection,
    org: OrgId,
    keys: BTreeSet<&Key>,
) -> StoreResult<BTreeMap<Key, MessageView>> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let is_wanted = has_key_of!(org, messages, keys, |row| {
        session_id: row.0,
        chat_key: row.1,
        message_id: row.2.as_str(),
        from_me: row.3,
        author: row.4.as_str(),
    });
    let key =
        (messages::session_id, messages::chat_key, messages::message_id, messages::from_me, messages::author);
    // The view shows authors by other addresses.
    let is_same = message_views::org_id
        .eq(messages::org_id)
        .and(message_views::session_id.eq(messages::session_id))
        .and(message_views::chat_key.eq(messages::chat_key))
        .and(message_views::message_id.eq(messages::message_id))
        .and(message_views::arrival.eq(messages::arrival));
    let found = messages::table
        .inner_join(message_views::table.on(is_same))
        .filter(is_wanted)
        .select((key, MessageView::as_select()));
    let found: Vec<(Key, MessageView)> = of_org(org, View::Messages, found).load(connection)?;
    Ok(found.into_iter().collect())
}

/// Gives the session's own message another id in the events of the chat since then.
pub fn rename_message(
    connection: &mut Connection,
    org: OrgId,
    (session, chat_key): (SessionId, i64),
    (from, to): (&str, &str),
    since: Instant,
) -> StoreResult<()> {
    let of_chat = org_rows!(events, org, chat_key = chat_key).filter(events::at.ge(since));
    let about = of_chat
        .filter(events::session_id.eq(session))
        .filter(events::message_id.eq(from))
        .filter(events::from_me.eq(true));
    diesel::update(about).set(events::message_id.eq(to)).execute(connection)?;
    Ok(())
}

/// Adds their messages to events.
pub fn with_messages(
    connection: &mut Connection,
    events: Vec<RoutableEvent>,
) -> StoreResult<Vec<DetailedEvent>> {
    let mut by_org: BTreeMap<OrgId, Vec<(i64, &ChangeEvent)>> = BTreeMap::new();
    for routable in &events {
        by_org.entry(routable.org_id).or_default().push((routable.chat_key, &routable.event));
    }
    let mut messages = BTreeMap::new();
    for (org, events) in by_org {
        let of_org = messages_of(connection, org, &events)?;
        messages.extend(of_org.into_iter().map(|(event, message)| ((org, event), message)));
    }
    let detailed = events.into_iter().map(|routable| {
        let message = messages.remove(&(routable.org_id, routable.event.event_id));
        DetailedEvent { routable, message }
    });
    Ok(detailed.collect())
}
