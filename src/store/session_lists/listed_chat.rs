//! Chats of a session's list, and its filters.

use diesel::deserialize::{self, FromSql, Queryable};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Record, Text, Timestamptz};

use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::store::session_chats::{HeldSessionChat, SessionChatView};

/// Filters of a session's chats; `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatFilter {
    /// Is archived.
    pub archived: Option<bool>,
    /// Is pinned.
    pub pinned: Option<bool>,
    /// Is muted now, by the database's clock.
    pub muted: Option<bool>,
    /// Has unread messages.
    pub unread: Option<bool>,
    /// Is a group.
    pub group: Option<bool>,
    /// The name or the phone number contains this text, ignoring case and accents.
    pub name: Option<String>,
}

/// The position of a chat in the list. All parts are in descending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatPosition {
    /// Whether it is pinned.
    pub pinned: bool,
    /// When its newest message was sent.
    pub active_at: Instant,
    /// Makes the position unique.
    pub id: i64,
}

/// A chat of the list.
#[derive(Clone, Debug)]
pub struct ListedChat {
    /// The chat.
    pub view: SessionChatView,
    /// Its position.
    pub position: ChatPosition,
}

/// The columns of a [`ListedChat`].
#[rustfmt::skip]
pub(super) type Columns = (
    BigInt, Bool, Bool, Nullable<Timestamptz>, Nullable<Integer>, Nullable<Timestamptz>, Timestamptz, Text, Nullable<Text>,
);
type Row =
    (i64, bool, bool, Option<Instant>, Option<i32>, Option<Instant>, Instant, ChatAddress, Option<String>);

impl Queryable<Columns, Pg> for ListedChat {
    type Row = Row;

    fn build(row: Row) -> deserialize::Result<Self> {
        let (id, archived, pinned, muted_until, unread, last_message_at, active_at, address, name) = row;
        let held = HeldSessionChat { id, archived, pinned, muted_until, unread, last_message_at };
        let position = ChatPosition { pinned, active_at, id };
        Ok(Self { view: SessionChatView { held, address, name }, position })
    }
}

impl FromSql<Record<Columns>, Pg> for ListedChat {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Self as Queryable<Columns, Pg>>::build(FromSql::<Record<Columns>, Pg>::from_sql(value)?)
    }
}
