//! Lists of messages, read by the SQL function `list_messages`.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Record, Text, Timestamptz, Uuid};

use super::chat_selector::ChatSelector;
use super::chats::{held, newest_activity};
use super::connection::{Connection, StoreResult};
use super::lists::{ListPage, PageWindow, SessionScope, phone_arguments};
use super::message_views::{Json, MessageColumns, MessageView, Reactions};
use super::org_rows::same_chat;
use super::schema::{chat_addresses, session_chats, sessions};
use super::views::message_views;
use super::visibility::is_visible;
use crate::ids::{ChatAddress, OrgId, PhoneSelector};
use crate::instant::Instant;

/// Filters of a list of messages; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// In this chat, as stored by the session in scope with the newest activity in it.
    pub chat: Option<ChatAddress>,
    /// Sent at this time or later.
    pub start: Option<Instant>,
    /// Sent before this time.
    pub end: Option<Instant>,
}

/// A message of a list.
#[derive(Clone, Debug)]
pub struct ListedMessage {
    /// The chat's canonical address.
    pub chat_id: String,
    /// Phone number of the session that stored it, in digits.
    pub phone: String,
    /// The message.
    pub message: MessageView,
}

type PageColumns = Record<(Nullable<BigInt>, Array<ListedColumns>)>;
type ListedColumns = Record<(Text, Text, MessageColumns)>;

impl FromSql<ListedColumns, Pg> for ListedMessage {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (chat_id, phone, message) = FromSql::<ListedColumns, Pg>::from_sql(value)?;
        Ok(Self { chat_id, phone, message })
    }
}

diesel::define_sql_function! {
    /// A page of an organization's messages, newest first.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn list_messages(
        org: Uuid,
        scope: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat: Nullable<Text>,
        sent_from: Nullable<Timestamptz>,
        sent_before: Nullable<Timestamptz>,
        offset: BigInt,
        limit: BigInt,
        with_count: Bool,
    ) -> Nullable<PageColumns>;
}

/// A page of the messages that sessions in scope stored. `None` when the selected phone is unknown or its session does
/// not hold the chat. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &MessageFilter,
    page: PageWindow,
) -> StoreResult<Option<ListPage<ListedMessage>>> {
    let (phone, phone_id) = phone_arguments(scope.phone.as_ref());
    let listed = list_messages(
        org,
        scope.sessions.as_deref(),
        phone,
        phone_id,
        filter.chat.as_ref(),
        filter.start,
        filter.end,
        page.offset,
        page.limit,
        page.with_count,
    );
    let listed: Option<(Option<i64>, Vec<ListedMessage>)> = diesel::select(listed).get_result(connection)?;
    Ok(listed.map(|(count, items)| ListPage { count, items }))
}

/// The reactions to a message of the chat, as the selected session stored it. `None` when that session does not hold the
/// chat. One statement.
pub fn reactions(
    connection: &mut Connection,
    org: OrgId,
    selector: &ChatSelector,
    message_id: &str,
    from_me: Option<bool>,
) -> StoreResult<Option<Option<Json<Reactions>>>> {
    let message = same_chat!(message_views, session_chats)
        .and(message_views::session_id.eq(session_chats::session_id))
        .and(message_views::message_id.eq(message_id))
        .and(message_views::from_me.eq_any(from_me.map_or(vec![false, true], |from_me| vec![from_me])));
    let mut held = held!()
        .left_join(message_views::table.on(message))
        .filter(chat_addresses::org_id.eq(org))
        .filter(chat_addresses::address.eq(&selector.address))
        .filter(is_visible!(chat_addresses, org, selector.viewer.as_deref()))
        .select(message_views::reactions.nullable())
        .into_boxed::<Pg>();
    match &selector.phone {
        None => {}
        Some(PhoneSelector::Phone(phone)) => held = held.filter(sessions::phone.eq(phone)),
        Some(PhoneSelector::PhoneId(id)) => held = held.filter(sessions::phone_id.eq(id)),
    }
    if let Some(sessions) = &selector.sessions {
        held = held.filter(session_chats::session_id.eq_any(sessions.iter()));
    }
    Ok(held.order(newest_activity!()).first(connection).optional()?)
}
