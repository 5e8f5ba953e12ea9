//! Full-text search of messages, done by the SQL function `search_messages`.

use std::sync::Arc;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Bool, Float, Integer, Jsonb, Nullable, Record, SmallInt, Text, Timestamptz, Uuid,
};

use super::connection::{Connection, StoreResult};
use super::lists::phone_arguments;
use super::message_views::MessageView;
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;

/// Filters of a search; `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Stored by one of these sessions.
    pub sessions: Option<Vec<SessionId>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
    /// Stored by the session with this phone.
    pub phone: Option<PhoneSelector>,
    /// In the chat with this address.
    pub chat: Option<ChatAddress>,
    /// Sent by the contact with this address.
    pub sender: Option<ChatAddress>,
    /// Sent by the session's own number, or received by it.
    pub from_me: Option<bool>,
    /// Sent at this time or later.
    pub sent_from: Option<Instant>,
    /// Sent before this time.
    pub sent_before: Option<Instant>,
}

/// The page of results to return.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Order by time instead of rank.
    pub newest_first: bool,
    /// Maximum number of matches that are counted and ranked: the newest ones, if there are more.
    pub max_matches: i32,
    /// Number of hits to skip.
    pub offset: i32,
    /// Maximum number of hits.
    pub limit: i32,
}

/// The outcome of a search.
#[derive(Debug)]
pub enum Outcome {
    /// The query has only exclusions, no term to search for.
    NoSearchTerms,
    /// No session in scope has that phone.
    UnknownPhone,
    /// No session in scope holds that chat.
    UnknownChat,
    /// The messages.
    Found(Found),
}

/// A page of hits.
#[derive(Debug)]
pub struct Found {
    /// Number of matches, at most [`Page::max_matches`].
    pub total: i32,
    /// Whether there are more matches than that.
    pub is_capped: bool,
    /// The hits of the page, in order.
    pub hits: Vec<Hit>,
}

/// A message that matches.
#[derive(Clone, Debug)]
pub struct Hit {
    /// PostgreSQL's `ts_rank_cd`.
    pub rank: f32,
    /// The text around the matches, each between [`HEADLINE_MARKS`]. Nothing is escaped.
    pub headline: String,
    /// Phone number of the session that stored it, in digits.
    pub phone: String,
    /// The chat's canonical address.
    pub chat_id: String,
    /// The message.
    pub message: MessageView,
}

/// The characters before and after a match. A headline has them nowhere else.
pub const HEADLINE_MARKS: [char; 2] = ['\u{1}', '\u{2}'];

type PageColumns = Record<(Nullable<Text>, Integer, Bool, Array<HitColumns>)>;
#[rustfmt::skip] // in the order of the type `search_hit`
type HitColumns = Record<(
    Float, Text, Text, Text,
    Text, Timestamptz, Nullable<Timestamptz>, Nullable<SmallInt>, Bool, Nullable<Text>, Nullable<Text>, Nullable<Text>,
    Nullable<Jsonb>, Jsonb, Nullable<Text>,
)>;

impl FromSql<HitColumns, Pg> for Hit {
    #[rustfmt::skip] // in the order of the type `search_hit`
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (
            rank, headline, phone, chat_id,
            message_id, sent_at, updated_at, ack, from_me, sender, type_, body, delivery, details, fts,
        ) = FromSql::<HitColumns, Pg>::from_sql(value)?;
        let message = MessageView {
            message_id, sent_at, updated_at, ack, from_me, sender, type_, body, delivery, details, fts,
            reactions: None,
        };
        Ok(Self { rank, headline, phone, chat_id, message })
    }
}

diesel::define_sql_function! {
    /// Searches the messages of one organization.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn search_messages(
        org: Uuid,
        scope: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat: Nullable<Text>,
        sender: Nullable<Text>,
        from_me: Nullable<Bool>,
        sent_from: Nullable<Timestamptz>,
        sent_before: Nullable<Timestamptz>,
        query: Text,
        newest_first: Bool,
        max_matches: Integer,
        offset: Integer,
        limit: Integer,
    ) -> PageColumns;
}

/// The messages that match a query in web search syntax. One statement.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    query: &str,
    filter: &Filter,
    page: Page,
) -> StoreResult<Outcome> {
    let (phone, phone_id) = phone_arguments(filter.phone.as_ref());
    let search = search_messages(
        org,
        filter.sessions.as_deref(),
        phone,
        phone_id,
        filter.chat.as_ref(),
        filter.sender.as_ref(),
        filter.from_me,
        filter.sent_from,
        filter.sent_before,
        query,
        page.newest_first,
        page.max_matches,
        page.offset,
        page.limit,
    );
    let (error, total, is_capped, hits): (Option<String>, _, _, _) =
        diesel::select(search).get_result(connection)?;
    Ok(match error.as_deref() {
        Some("query") => Outcome::NoSearchTerms,
        Some("phone") => Outcome::UnknownPhone,
        Some(_) => Outcome::UnknownChat,
        None => Outcome::Found(Found { total, is_capped, hits }),
    })
}
