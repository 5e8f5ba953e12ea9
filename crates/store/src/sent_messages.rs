//! Looking up one message of a chat, with the send that sent it.

use diesel::dsl::{exists, not};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::chat_selector::ChatSelector;
use super::chats::newest_activity;
use super::connection::{Connection, StoreResult};
use super::message_views::{MessageView, NamedMessage, is_named};
use super::org_rows::{org_rows, same_chat};
use super::org_views::{View, of_org};
use super::schema::{chat_addresses, chats, messages, person_links, sends, session_chats, sessions};
use super::send_views::SendView;
use super::sends::SendRow;
use super::views::message_views;
use super::visibility::is_visible;
use switchboard_core::ids::{ChatAddress, OrgId, Phone, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;

/// How far the clock of a phone may be behind ours, in microseconds.
const CLOCK_SKEW_MICROS: i64 = 60_000_000;

/// A stored message.
#[derive(Clone, Debug)]
pub struct FoundMessage {
    /// The session that stored it.
    pub session: SessionId,
    /// The session's phone number.
    pub phone: Phone,
    /// The chat's canonical address.
    pub chat: ChatAddress,
    /// The message.
    pub message: MessageView,
    /// The send that sent it, or that is about it.
    pub send: Option<SendRow>,
}

/// The newest incoming messages of a chat up to a time, newest first: id and author.
pub fn last_incoming(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    up_to: Option<Instant>,
    limit: i64,
) -> StoreResult<Vec<(String, Option<ChatAddress>)>> {
    let chat_key = org_rows!(chat_addresses, org, address = address).select(chat_addresses::chat_key);
    let incoming: Vec<(String, String)> = org_rows!(messages, org, session_id = session)
        .filter(messages::chat_key.nullable().eq(chat_key.single_value()))
        .filter(not(messages::from_me))
        .filter(messages::sent_at.le(up_to.unwrap_or(Instant::MAX)))
        .order((messages::sent_at.desc(), messages::arrival.desc()))
        .limit(limit)
        .select((messages::message_id, messages::author))
        .load(connection)?;
    Ok(incoming.into_iter().map(|(id, author)| (id, author.parse().ok())).collect())
}

/// The id under which WhatsApp has reported the message of a send: one with the same type and, if it is given, text, that was
/// sent at about that time and by no send.
pub fn reported(
    connection: &mut Connection,
    org: OrgId,
    send: &SendRow,
    (kind, body): (&str, Option<&str>),
) -> StoreResult<Option<String>> {
    let chat_key = org_rows!(chat_addresses, org, address = &send.address).select(chat_addresses::chat_key);
    let of_send = sends::table
        .filter(sends::org_id.eq(org))
        .filter(sends::message_id.eq(messages::message_id.nullable()));
    let earliest = Instant::from_micros(send.created_at.micros() - CLOCK_SKEW_MICROS);
    let [is_any_body, has_no_body] = [body.is_none(), body == Some("")].map(|is| is.into_sql::<Bool>());
    Ok(org_rows!(messages, org, session_id = send.session_id, from_me = true)
        .filter(messages::chat_key.nullable().eq(chat_key.single_value()))
        .filter(messages::sent_at.ge(earliest))
        .filter(messages::type_.eq(kind))
        .filter(messages::body.eq(body).or(is_any_body).or(messages::body.is_null().and(has_no_body)))
        .filter(not(exists(of_send)))
        .order((messages::sent_at, messages::arrival))
        .select(messages::message_id)
        .first(connection)
        .optional()?)
}

impl TryFrom<SendView> for FoundMessage {
    type Error = ();

    /// Fails while the message is not stored.
    fn try_from(view: SendView) -> Result<Self, ()> {
        let (chat, message) = view.chat_id.zip(view.message).ok_or(())?;
        let session = view.send.session_id;
        Ok(Self { session, phone: view.phone, chat, message, send: Some(view.send) })
    }
}

/// The message of the chat, as the selected session stored it; without `from_me`, the session's own of several.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
    name: &NamedMessage,
) -> StoreResult<Option<FoundMessage>> {
    let message = same_chat!(message_views, session_chats)
        .and(message_views::session_id.eq(session_chats::session_id))
        .and(is_named!(org, name));
    // The author may have become known by another address since it was sent.
    let person = person_links::table
        .filter(person_links::org_id.eq(org))
        .filter(person_links::address.eq(sends::author))
        .select(person_links::person);
    let send = sends::org_id
        .eq(message_views::org_id)
        .and(sends::session_id.eq(message_views::session_id))
        .and(sends::message_id.eq(message_views::message_id.nullable()))
        .and(sends::from_me.eq(message_views::from_me))
        .and(sends::author.eq(message_views::author).or(message_views::author.eq_any(person)));
    let of_session =
        sessions::org_id.eq(session_chats::org_id).and(sessions::session_id.eq(session_chats::session_id));
    // A scalar subquery for each table: whatever the order of the joins, the chat is part of each lookup.
    let chat_key = || {
        org_rows!(chat_addresses, org, address = &selector.address)
            .select(chat_addresses::chat_key)
            .single_value()
    };
    let mut found = session_chats::table
        .inner_join(sessions::table.on(of_session))
        .inner_join(message_views::table.on(message))
        .inner_join(chats::table.on(same_chat!(chats, session_chats)))
        .left_join(sends::table.on(send))
        .filter(session_chats::org_id.eq(org))
        .filter(message_views::org_id.eq(org))
        .filter(session_chats::chat_key.nullable().eq(chat_key()))
        .filter(message_views::chat_key.nullable().eq(chat_key()))
        .filter(is_visible!(session_chats, org, selector.viewer.as_deref().unwrap_or_default()))
        .select((
            session_chats::session_id,
            sessions::phone,
            chats::chat_id,
            MessageView::as_select(),
            Option::<SendRow>::as_select(),
        ))
        .into_boxed::<Pg>();
    match &selector.phone {
        None => {}
        Some(PhoneSelector::Phone(phone)) => found = found.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => found = found.filter(sessions::phone_id.eq(id)),
    }
    if let Some(sessions) = &selector.sessions {
        found = found.filter(session_chats::session_id.eq_any(sessions.iter()));
    }
    type Row = (SessionId, Phone, ChatAddress, MessageView, Option<SendRow>);
    let order = (newest_activity!(), message_views::from_me.desc(), sends::send_id.asc());
    // Without LIMIT: for one row the planner would read the session's chats by newest activity.
    let rows: Vec<Row> = of_org(org, View::Messages, found.order(order)).load(connection)?;
    Ok(rows.into_iter().next().map(|(session, phone, chat, message, send)| FoundMessage {
        session,
        phone,
        chat,
        message,
        send,
    }))
}
