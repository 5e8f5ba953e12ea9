//! Full-text search of messages.

use super::name::check_no_nul;
use super::offset_pages::Bounds;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::store::Store;
pub use crate::store::search::Filter;
use crate::store::search::{self, Found, Outcome, Page};

/// Maximum number of matches that are counted and ranked.
pub const MAX_MATCHES: i32 = 10_000;

/// The longest query, in characters.
const MAX_QUERY: usize = 1000;

const DEFAULT_LIMIT: i64 = 50;
const MAX_HITS: i64 = 200;
const BOUNDS: Bounds = Bounds { offset: 0..=MAX_MATCHES as i64, limit: 1..=MAX_HITS };

/// A search request.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The query, in the syntax of a web search.
    pub query: String,
    /// Selects messages. Its `sessions` are set to those of the caller.
    pub filter: Filter,
    /// The order of the hits.
    pub order: Order,
    /// Number of hits before the page; 0 when `None`.
    pub offset: Option<i64>,
    /// Maximum number of hits; 50 when `None`.
    pub limit: Option<i64>,
}

/// The order of hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The best match first.
    #[default]
    BestFirst,
    /// The newest message first.
    NewestFirst,
}

/// A page of the matching messages.
pub async fn messages(store: &Store, caller: &Caller, search: Search) -> Result<Found> {
    let org = caller.org;
    let page = search.page()?;
    let query = checked(search.query)?;
    let sessions = caller.sessions.as_ref().map(|allowed| allowed.to_vec());
    let filter = Filter { sessions, ..search.filter };
    let outcome = store.read(move |connection| search::find(connection, org, &query, &filter, page)).await?;
    match outcome {
        Outcome::Found(found) => Ok(found),
        Outcome::UnknownPhone => Err(Error::not_found("number not found")),
        Outcome::UnknownChat => Err(Error::not_found("chat not found")),
        Outcome::NoSearchTerms => {
            Err(Error::invalid("query", "must contain a word to find, not only excluded words"))
        }
    }
}

impl Search {
    fn page(&self) -> Result<Page> {
        let (offset, limit) = (self.offset.unwrap_or_default(), self.limit.unwrap_or(DEFAULT_LIMIT));
        BOUNDS.check(offset, limit)?;
        Ok(Page {
            newest_first: self.order == Order::NewestFirst,
            max_matches: MAX_MATCHES,
            offset: i32::try_from(offset).map_err(Error::internal)?,
            limit: i32::try_from(limit).map_err(Error::internal)?,
        })
    }
}

/// A valid query.
pub fn checked(query: String) -> Result<String> {
    let invalid = |problem: &str| Err(Error::invalid("query", problem));
    if query.trim().is_empty() {
        return invalid("must not be empty");
    }
    if query.chars().count() > MAX_QUERY {
        return invalid(&format!("must be at most {MAX_QUERY} characters"));
    }
    check_no_nul("query", &query)?;
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_must_not_be_empty_or_too_long() {
        for bad in ["", " \t\n", "a\0b", &"a".repeat(MAX_QUERY + 1)] {
            let error = checked(bad.to_owned()).unwrap_err();
            assert_eq!(error.fields()[0].field, "query", "{bad:?}");
        }
        // Characters, not bytes.
        assert!(checked("ä".repeat(MAX_QUERY)).is_ok());
    }

    #[test]
    fn page_must_be_within_the_bounds() {
        let page = |offset, limit| Search { offset, limit, ..Search::default() }.page();
        let usual = page(None, None).unwrap();
        assert_eq!((usual.offset, i64::from(usual.limit)), (0, DEFAULT_LIMIT));
        assert!(page(Some(MAX_MATCHES.into()), Some(MAX_HITS)).is_ok());
        for offset in [-1, i64::from(MAX_MATCHES) + 1, i64::MIN, i64::MAX] {
            assert_eq!(page(Some(offset), None).unwrap_err().fields()[0].field, "offset");
        }
        for limit in [0, -1, MAX_HITS + 1, i64::MAX] {
            assert_eq!(page(None, Some(limit)).unwrap_err().fields()[0].field, "limit");
        }
    }
}
