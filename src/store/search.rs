//! Full-text search of messages. The statement is a function of the database: `migrations/*_search`.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Bool, Float, Integer, Jsonb, Nullable, Record, SmallInt, Text, Timestamptz, Uuid,
};

use super::lists::split;
use super::message_views::MessageView;
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId, PhoneSelector, SessionId};
use crate::instant::Instant;

/// Which messages are looked through. What is `None` limits nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The only sessions the caller reaches.
    pub sessions: Option<Vec<SessionId>>,
    /// The number that stored them.
    pub number: Option<PhoneSelector>,
    /// Any address of the chat they stand in.
    pub chat: Option<ChatAddress>,
    /// Any address of the contact who sent them.
    pub sender: Option<ChatAddress>,
    /// Whether the number itself sent them.
    pub from_me: Option<bool>,
    /// Sent then or later.
    pub sent_from: Option<Instant>,
    /// Sent earlier.
    pub sent_before: Option<Instant>,
}

/// Which part of what is found is answered.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The newest first; otherwise the best.
    pub newest_first: bool,
    /// The most matches to count, put in order and reach: of more than that, the newest are.
    pub most: i32,
    /// How many hits to leave out.
    pub offset: i32,
    /// How many hits to answer.
    pub limit: i32,
}

/// What a search came to.
#[derive(Debug)]
pub enum Outcome {
    /// It only says what to leave out.
    NothingToFind,
    /// There is no such number, or not for this caller.
    NoNumber,
    /// The sessions looked through hold no such chat.
    NoChat,
    /// The messages.
    Found(Found),
}

/// A page of messages.
#[derive(Debug)]
pub struct Found {
    /// How many there are in all, [`Page::most`] at most.
    pub total: i32,
    /// Whether there would be more.
    pub is_capped: bool,
    /// Those of the page, in order.
    pub hits: Vec<Hit>,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// How well it matches, by PostgreSQL's `ts_rank_cd`.
    pub rank: f32,
    /// The text around the words that were found: each stands between [`MARK`]. Nothing is escaped.
    pub headline: String,
    /// The number that stored it, in digits.
    pub phone: String,
    /// The chat it stands in.
    pub chat_id: String,
    /// The message.
    pub message: MessageView,
}

/// What stands before and after a word that was found. No headline has these characters elsewhere.
pub const MARK: [char; 2] = ['\u{1}', '\u{2}'];

type PageColumns = Record<(Nullable<Text>, Integer, Bool, Array<HitColumns>)>;
type HitColumns = Record<(
    Float,
    Text,
    Text,
    Text,
    Text,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<SmallInt>,
    Bool,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Jsonb>,
    Jsonb,
    Nullable<Text>,
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
        };
        Ok(Self { rank, headline, phone, chat_id, message })
    }
}

diesel::define_sql_function! {
    /// Searches the messages of one organization.
    #[allow(clippy::too_many_arguments, reason = "one statement takes them all")]
    fn search_messages(
        org: Uuid,
        reachable: Nullable<Array<Text>>,
        phone: Nullable<Text>,
        phone_id: Nullable<Text>,
        chat: Nullable<Text>,
        sender: Nullable<Text>,
        from_me: Nullable<Bool>,
        sent_from: Nullable<Timestamptz>,
        sent_before: Nullable<Timestamptz>,
        query: Text,
        newest_first: Bool,
        most: Integer,
        skip: Integer,
        page: Integer,
    ) -> PageColumns;
}

/// The messages that match a query in the syntax of a web search. One statement.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    query: &str,
    filter: &Filter,
    page: Page,
) -> StoreResult<Outcome> {
    let (phone, phone_id) = split(filter.number.as_ref());
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
        page.most,
        page.offset,
        page.limit,
    );
    let (refusal, total, is_capped, hits): (Option<String>, _, _, _) =
        diesel::select(search).get_result(connection)?;
    Ok(match refusal.as_deref() {
        Some("query") => Outcome::NothingToFind,
        Some("number") => Outcome::NoNumber,
        Some(_) => Outcome::NoChat,
        None => Outcome::Found(Found { total, is_capped, hits }),
    })
}
