//! Lists of chats, read by the SQL function `list_chats`.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Record, Text, Timestamptz, Uuid};

use super::chats::{ChatView, HeldChat, SharedColumns};
use super::connection::{Connection, StoreResult};
use super::lists::{ListPage, PageWindow, SessionScope, phone_arguments};
use super::message_views::MessageColumns;
use crate::ids::OrgId;
use crate::instant::Instant;

/// Filters of a list of chats; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// `user`, `group` or `business`.
    pub chat_type: Option<&'static str>,
    /// Has this label.
    pub label: Option<LabelFilter>,
    /// The newest message was sent at this time or later.
    pub start: Option<Instant>,
    /// The newest message was sent before this time.
    pub end: Option<Instant>,
    /// Has unread messages, or has none.
    pub unread: Option<bool>,
}

/// A label by its id or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// The text as a label id.
    pub id: String,
    /// The text as a normalized label name.
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
    /// A page of an organization's chats, newest activity first, then by chat id.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn list_chats(
        org: Uuid,
        scope: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat_type: Nullable<Text>,
        label: Nullable<Text>,
        label_key: Nullable<Text>,
        active_from: Nullable<Timestamptz>,
        active_before: Nullable<Timestamptz>,
        unread: Nullable<Bool>,
        offset: BigInt,
        limit: BigInt,
        with_count: Bool,
    ) -> Nullable<PageColumns>;
}

/// A page of the chats that sessions in scope hold. A chat held by several is listed once, with the state of the one
/// with the newest activity. `None` when the selected phone is unknown. One statement.
pub fn list(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filter: &ChatFilter,
    page: PageWindow,
) -> StoreResult<Option<ListPage<ChatView>>> {
    let (phone, phone_id) = phone_arguments(scope.phone.as_ref());
    let label = filter.label.as_ref();
    let listed = list_chats(
        org,
        scope.sessions.as_deref(),
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
        page.with_count,
    );
    let listed: Option<(Option<i64>, Vec<ChatView>)> = diesel::select(listed).get_result(connection)?;
    Ok(listed.map(|(count, items)| ListPage { count, items }))
}
