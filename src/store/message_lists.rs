//! Lists of messages: which messages stand on a page, and all of them whole.

use std::collections::HashMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};

use super::chats::ChatSelector;
use super::ingest::bulk::{array, key_in, texts};
use super::lists::{Numbers, Window};
use super::message_views::MessageView;
use super::schema::{chat_addresses, chats, messages, session_chats, sessions};
use super::views::message_views;
use super::{Connection, StoreResult};
use crate::ids::{OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;

/// Which messages a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Those of that chat.
    pub chat_key: Option<i64>,
    /// Those not sent before.
    pub start: Option<Instant>,
    /// Those sent before.
    pub end: Option<Instant>,
}

/// A message with where it stands.
#[derive(Clone, Debug)]
pub struct ListedMessage {
    /// The chat as answers spell it.
    pub chat_id: String,
    /// The number that stored it, in digits.
    pub phone: String,
    /// The message.
    pub message: MessageView,
}

/// A stored message: session, chat, time and WhatsApp's id. The time is not needed to tell it from others: with it, every
/// index that PostgreSQL may look the message up in leads to it directly.
pub type ListedKey = (SessionId, i64, Instant, String);

/// The chat as the selected number holds it; `None` when that number does not.
pub fn held_chat(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
) -> StoreResult<Option<(SessionId, i64)>> {
    let mut held = chat_addresses::table
        .inner_join(
            session_chats::table.on(session_chats::org_id
                .eq(chat_addresses::org_id)
                .and(session_chats::chat_key.eq(chat_addresses::chat_key))),
        )
        .inner_join(
            sessions::table.on(sessions::org_id
                .eq(session_chats::org_id)
                .and(sessions::session_id.eq(session_chats::session_id))),
        )
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(&selector.address))
        .select((session_chats::session_id, session_chats::chat_key))
        .into_boxed::<Pg>();
    match &selector.number {
        None => {}
        Some(PhoneSelector::Phone(phone)) => held = held.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => held = held.filter(sessions::phone_id.eq(id)),
    }
    if let Some(reachable) = &selector.sessions {
        held = held.filter(session_chats::session_id.eq_any(reachable.iter()));
    }
    let newest = (session_chats::last_message_at.desc().nulls_last(), session_chats::session_id);
    Ok(held.order(newest).first(connection).optional()?)
}

fn matching<'a>(org: OrgId, numbers: &'a Numbers, filter: &MessageFilter) -> messages::BoxedQuery<'a, Pg> {
    let mut query = messages::table.filter(messages::org_id.eq(org)).into_boxed();
    match numbers {
        Numbers::All => {}
        Numbers::One(session) => query = query.filter(messages::session_id.eq(*session)),
        Numbers::Some(some) => query = query.filter(messages::session_id.eq_any(some.iter())),
    }
    if let Some(chat_key) = filter.chat_key {
        query = query.filter(messages::chat_key.eq(chat_key));
    }
    if let Some(start) = filter.start {
        query = query.filter(messages::sent_at.ge(start));
    }
    if let Some(end) = filter.end {
        query = query.filter(messages::sent_at.lt(end));
    }
    query
}

/// How many messages match.
pub fn count(
    connection: &mut Connection,
    org: OrgId,
    numbers: &Numbers,
    filter: &MessageFilter,
) -> StoreResult<i64> {
    Ok(matching(org, numbers, filter).count().get_result(connection)?)
}

/// The messages in that part of the list, newest first. Every part of the order is a column of the index behind it.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    numbers: &Numbers,
    filter: &MessageFilter,
    window: Window,
) -> StoreResult<Vec<ListedKey>> {
    let page = matching(org, numbers, filter)
        .select((messages::session_id, messages::chat_key, messages::sent_at, messages::message_id))
        .offset(window.offset)
        .limit(window.limit);
    let (sent_at, id) = (messages::sent_at, messages::message_id);
    let (session, chat) = (messages::session_id, messages::chat_key);
    let mut page: Vec<ListedKey> = if window.from_end {
        page.order((sent_at.asc(), id.asc(), session.desc(), chat.desc())).load(connection)?
    } else {
        page.order((sent_at.desc(), id.desc(), session.asc(), chat.asc())).load(connection)?
    };
    if window.from_end {
        page.reverse();
    }
    Ok(page)
}

/// These messages whole, in that order. One statement.
pub fn whole(
    connection: &mut Connection,
    org: OrgId,
    listed: &[ListedKey],
) -> StoreResult<Vec<ListedMessage>> {
    let session_ids: Vec<SessionId> = listed.iter().map(|(session, ..)| *session).collect();
    let keys: Vec<i64> = listed.iter().map(|(_, chat_key, ..)| *chat_key).collect();
    let times: Vec<Instant> = listed.iter().map(|(.., sent_at, _)| *sent_at).collect();
    let ids: Vec<&str> = listed.iter().map(|(.., id)| id.as_str()).collect();
    let rows: Vec<(SessionId, i64, String, String, MessageView)> = message_views::table
        .inner_join(
            chats::table
                .on(chats::org_id.eq(message_views::org_id).and(chats::chat_key.eq(message_views::chat_key))),
        )
        .inner_join(
            sessions::table.on(sessions::org_id
                .eq(message_views::org_id)
                .and(sessions::session_id.eq(message_views::session_id))),
        )
        .filter(message_views::org_id.eq(org))
        .filter(key_in(
            (
                message_views::session_id,
                message_views::chat_key,
                message_views::sent_at,
                message_views::message_id,
            ),
            (texts(session_ids), array::<BigInt, _>(keys), array::<Timestamptz, _>(times), texts(ids)),
        ))
        .select((
            message_views::session_id,
            message_views::chat_key,
            chats::chat_id,
            sessions::phone,
            MessageView::as_select(),
        ))
        .load(connection)?;
    let mut found: HashMap<ListedKey, ListedMessage> = rows
        .into_iter()
        .map(|(session, chat_key, chat_id, phone, message)| {
            let key = (session, chat_key, message.sent_at, message.message_id.clone());
            (key, ListedMessage { chat_id, phone, message })
        })
        .collect();
    Ok(listed.iter().filter_map(|key| found.remove(key)).collect())
}
