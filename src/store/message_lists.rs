//! Lists of messages. The statement is a function of the database: `migrations/*_chat_pages`.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Record, Text, Timestamptz, Uuid};

use super::lists::{Listed, Page, SessionScope, split};
use super::message_views::{MessageColumns, MessageView};
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId};
use crate::instant::Instant;

/// Which messages a list has: those that pass every filter that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Those of that chat, as the selected number stored them, or the one with the newest activity in it.
    pub chat: Option<ChatAddress>,
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

type PageColumns = Record<(Nullable<BigInt>, Array<ListedColumns>)>;
type ListedColumns = Record<(Text, Text, MessageColumns)>;

impl FromSql<ListedColumns, Pg> for ListedMessage {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (chat_id, phone, message) = FromSql::<ListedColumns, Pg>::from_sql(value)?;
        Ok(Self { chat_id, phone, message })
    }
}

diesel::define_sql_function! {
    /// A page of the messages of one organization, newest first.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn list_messages(
        org: Uuid,
        reachable: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat: Nullable<Text>,
        sent_from: Nullable<Timestamptz>,
        sent_before: Nullable<Timestamptz>,
        skip: BigInt,
        page: BigInt,
        is_counted: Bool,
    ) -> Nullable<PageColumns>;
}

/// A page of the messages that the selected number stored, or all numbers that are reached. `None` when the selected
/// number is not there, or does not hold the chat. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    reach: &SessionScope,
    filter: &MessageFilter,
    page: Page,
) -> StoreResult<Option<Listed<ListedMessage>>> {
    let (phone, phone_id) = split(reach.number.as_ref());
    let listed = list_messages(
        org,
        reach.sessions.as_deref(),
        phone,
        phone_id,
        filter.chat.as_ref(),
        filter.start,
        filter.end,
        page.offset,
        page.limit,
        page.is_counted,
    );
    let listed: Option<(Option<i64>, Vec<ListedMessage>)> = diesel::select(listed).get_result(connection)?;
    Ok(listed.map(|(count, items)| Listed { count, items }))
}
