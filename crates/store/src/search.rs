//! Full-text search of messages.

mod statement;
mod types;

use diesel::prelude::*;

use self::statement::{Row, Statement};
pub use self::types::{Filter, Hit, Page};
use super::connection::{Connection, StoreResult};
use switchboard_core::full_text::Query;
use switchboard_core::ids::OrgId;

/// The outcome of a search.
#[derive(Debug)]
pub enum Outcome {
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
    pub total: i64,
    /// Whether there are more matches than that.
    pub is_capped: bool,
    /// The hits of the page, in order.
    pub hits: Vec<Hit>,
}

/// The messages that match a query. One statement.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    query: &Query,
    filter: &Filter,
    page: Page,
) -> StoreResult<Outcome> {
    let rows: Vec<Row> = Statement::new(org, query, filter, page).load(connection)?;
    let Some((phone_is_known, chat_is_known, found, _)) = rows.first() else {
        return Ok(Outcome::UnknownPhone);
    };
    let is_capped = *found > page.max_matches;
    Ok(match (phone_is_known, chat_is_known) {
        (false, _) => Outcome::UnknownPhone,
        (true, false) => Outcome::UnknownChat,
        (true, true) => Outcome::Found(Found {
            total: (*found).min(page.max_matches),
            is_capped,
            hits: rows.into_iter().filter_map(|(_, _, _, hit)| hit).collect(),
        }),
    })
}
