//! The messages that events are about, as they are now.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::read::{ChangeEvent, RoutableEvent};
use crate::bulk::has_key_of;
use crate::connection::{Connection, StoreResult};
use crate::message_views::MessageView;
use crate::org_views::{View, of_org};
use crate::schema::messages;
use crate::views::message_views;
use switchboard_core::ids::{OrgId, SessionId};

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

/// The messages that these events of chats are about, by the id of the event.
pub fn messages_of(
    connection: &mut Connection,
    org: OrgId,
    events: &[(i64, &ChangeEvent)],
) -> StoreResult<BTreeMap<i64, MessageView>> {
    let keys: Vec<(i64, Key)> = events
        .iter()
        .filter_map(|(chat_key, event)| Some((event.event_id, key_of(*chat_key, event)?)))
        .collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let is_wanted = has_key_of!(org, messages, keys, |row| {
        session_id: row.1.0,
        chat_key: row.1.1,
        message_id: row.1.2.as_str(),
        from_me: row.1.3,
        author: row.1.4.as_str(),
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
    let found: BTreeMap<Key, MessageView> = found.into_iter().collect();
    Ok(keys.into_iter().filter_map(|(event, key)| Some((event, found.get(&key)?.clone()))).collect())
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
