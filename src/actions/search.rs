//! Full-text search of messages.

use super::name::check_no_nul;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::store::search::{self, Found, Outcome};
pub use crate::store::search::{Filter, Page};
use crate::store::{Connection, Store, chat_access};

/// Maximum number of matches that are counted and ranked.
pub const MAX_MATCHES: i32 = 10_000;

/// The longest query, in characters.
const MAX_QUERY: usize = 1000;

/// A page of the messages that match the query, in the syntax of a web search. The filter's sessions are the caller's.
pub async fn messages(
    store: &Store,
    caller: &Caller,
    query: String,
    filter: Filter,
    page: Page,
) -> Result<Found> {
    let org = caller.org;
    let sessions = caller.sessions.as_ref().map(|allowed| allowed.to_vec());
    let filter = Filter { sessions, viewer: caller.viewer(), ..filter };
    let read = move |connection: &mut Connection| match chat_access::hides(
        connection,
        org,
        filter.chat.as_ref(),
        filter.viewer.as_deref(),
    )? {
        true => Ok(Outcome::UnknownChat),
        false => search::find(connection, org, &query, &filter, page),
    };
    match store.read(read).await? {
        Outcome::Found(found) => Ok(found),
        Outcome::UnknownPhone => Err(Error::not_found("phone not found")),
        Outcome::UnknownChat => Err(Error::not_found("chat not found")),
        Outcome::NoSearchTerms => {
            Err(Error::invalid("query", "must contain a word to find, not only excluded words"))
        }
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
    check_no_nul("query", query)
}
