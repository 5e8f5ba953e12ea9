//! Chats of a session's list.

use diesel::deserialize::{self, Queryable};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz};

use crate::session_chats::{HeldSessionChat, SessionChatView};
use switchboard_core::ids::ChatAddress;
use switchboard_core::instant::Instant;

/// The position of a chat in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatPosition {
    /// Whether it is pinned: such chats are first.
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
