//! Lists of chats. The statement is a function of the database: `migrations/*_chat_pages`.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Record, Text, Timestamptz, Uuid};

use super::chats::{ChatView, HeldChat, SharedColumns};
use super::lists::{Listed, Page, SessionScope, split};
use super::message_views::MessageColumns;
use super::{Connection, StoreResult};
use crate::ids::OrgId;
use crate::instant::Instant;

/// Which chats a list has: those that pass every filter that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// `user`, `group` or `business`.
    pub chat_type: Option<&'static str>,
    /// Those with that label.
    pub label: Option<LabelFilter>,
    /// Those whose newest message was not sent before.
    pub start: Option<Instant>,
    /// Those whose newest message was sent before.
    pub end: Option<Instant>,
    /// Those with unread messages, or those without.
    pub unread: Option<bool>,
}

/// A label by its id or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// What it would be as an id.
    pub id: String,
    /// What it would be as a name, in the form names are compared in.
    pub key: String,
}

type PageColumns = Record<(Nullable<BigInt>, Array<ChatColumns>)>;
#[rustfmt::skip] // in the order of the type `listed_chat`
type ChatColumns = Record<(
    SharedColumns, Bool, Bool, Bool, Nullable<Integer>, Text, Nullable<Bool>, Nullable<MessageColumns>,
)>;

impl FromSql<ChatColumns, Pg> for ChatView {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (shared, archived, pinned, exited, unread, phone, is_muted, latest_message) =
            FromSql::<ChatColumns, Pg>::from_sql(value)?;
        let held = HeldChat { archived, pinned, exited, unread };
        Ok(Self { shared, held, phone, is_muted, latest_message })
    }
}

diesel::define_sql_function! {
    /// A page of the chats of one organization, newest activity first, then by chat id.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn list_chats(
        org: Uuid,
        reachable: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat_type: Nullable<Text>,
        label: Nullable<Text>,
        label_key: Nullable<Text>,
        active_from: Nullable<Timestamptz>,
        active_before: Nullable<Timestamptz>,
        unread: Nullable<Bool>,
        skip: BigInt,
        page: BigInt,
        is_counted: Bool,
    ) -> Nullable<PageColumns>;
}

/// A page of the chats of the selected number as it sees them, or of all numbers that are reached: each chat once, as the
/// number with the newest activity in it sees it. `None` when the selected number is not there. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    reach: &SessionScope,
    filter: &ChatFilter,
    page: Page,
) -> StoreResult<Option<Listed<ChatView>>> {
    let (phone, phone_id) = split(reach.number.as_ref());
    let label = filter.label.as_ref();
    let listed = list_chats(
        org,
        reach.sessions.as_deref(),
        phone,
        phone_id,
        filter.chat_type,
        label.map(|label| &label.id),
        label.map(|label| &label.key),
        filter.start,
        filter.end,
        filter.unread,
        page.offset,
        page.limit,
        page.is_counted,
    );
    let listed: Option<(Option<i64>, Vec<ChatView>)> = diesel::select(listed).get_result(connection)?;
    Ok(listed.map(|(count, items)| Listed { count, items }))
}
