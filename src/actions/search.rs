//! Full-text search of messages.

use super::name::check_no_nul;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::full_text::{Piece, Query, headline, searched_text};
use crate::store::Store;
use crate::store::search::{self, Outcome};
pub use crate::store::search::{Filter, Hit, Page};

/// Maximum number of matches that are counted and ranked.
pub const MAX_MATCHES: i64 = 10_000;

/// The longest query, in characters.
const MAX_QUERY: usize = 1000;

/// A page of hits.
pub struct Found {
    /// Number of matches, at most [`MAX_MATCHES`].
    pub total: i64,
    /// Whether there are more matches than that.
    pub is_capped: bool,
    /// The hits of the page, in order, each with the text around its matches.
    pub hits: Vec<(Hit, Vec<Piece>)>,
}

/// A page of the messages that match the query, in the syntax of a web search. The filter's sessions are the caller's.
pub async fn messages(
    store: &Store,
    caller: &Caller,
    query: &str,
    filter: Filter,
    page: Page,
) -> Result<Found> {
    let org = caller.org;
    let sessions = caller.sessions.as_ref().map(|allowed| allowed.to_vec());
    let filter = Filter { sessions, viewer: caller.viewer(), ..filter };
    let query = parse(query)?;
    let parsed = query.clone();
    let outcome = store.read(move |connection| search::find(connection, org, &query, &filter, page)).await?;
    match outcome {
        Outcome::Found(found) => {
            let with_headline = |hit: Hit| {
                let text = searched_text(hit.message.body.as_deref(), hit.file_name.as_deref());
                let headline = headline(&text, &parsed);
                (hit, headline)
            };
            let hits = found.hits.into_iter().map(with_headline).collect();
            Ok(Found { total: found.total, is_capped: found.is_capped, hits })
        }
        Outcome::UnknownPhone => Err(Error::not_found("phone not found")),
        Outcome::UnknownChat => Err(Error::not_found("chat not found")),
    }
}

/// Rejects an invalid query.
pub fn check_query(query: &str) -> Result<()> {
    if query.trim().is_empty() {
        return Err(Error::invalid("query", "must not be empty"));
    }
    if query.chars().count() > MAX_QUERY {
        return Err(Error::invalid("query", format_args!("must be at most {MAX_QUERY} characters")));
    }
    check_no_nul("query", query)?;
    parse(query).map(|_| ())
}

fn parse(query: &str) -> Result<Query> {
    let only_excluded = || Error::invalid("query", "must contain a word to find, not only excluded words");
    Query::parse(query).ok_or_else(only_excluded)
}
