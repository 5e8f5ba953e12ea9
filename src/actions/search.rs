//! Finding messages by their words.

use super::offset_pages::Bounds;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::instant::Instant;
use crate::store::Store;
use crate::store::search::{self, Filter, Found, Outcome, Page};

/// The most matches that are counted, ranked and reached with an offset: ranking reads every one of them.
pub const MOST_MATCHES: i32 = 10_000;

/// A longer query is refused, in characters.
const LONGEST_QUERY: usize = 1000;

const DEFAULT_LIMIT: i64 = 50;
const MOST_HITS: i64 = 200;
const MOST: Bounds = Bounds { offset: 0..=MOST_MATCHES as i64, limit: 1..=MOST_HITS };

/// What is looked for, and where.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The words, in the syntax of a web search.
    pub query: String,
    /// The number whose messages are looked through; `None` for all numbers of the organization.
    pub number: Option<PhoneSelector>,
    /// Only this chat.
    pub chat: Option<ChatAddress>,
    /// Only what this contact sent.
    pub sender: Option<ChatAddress>,
    /// Only what the number itself sent, or only what it received.
    pub from_me: Option<bool>,
    /// Only what was sent then or later.
    pub sent_from: Option<Instant>,
    /// Only what was sent earlier.
    pub sent_before: Option<Instant>,
    /// What comes first.
    pub order: Order,
    /// How many hits to leave out; none by default.
    pub offset: Option<i64>,
    /// How many hits to answer.
    pub limit: Option<i64>,
}

/// In which order hits are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The best match first.
    #[default]
    BestFirst,
    /// The newest message first.
    NewestFirst,
}

/// The messages that match.
pub async fn messages(store: &Store, caller: &Caller, search: Search) -> Result<Found> {
    let org = caller.org;
    let page = search.page()?;
    let query = checked(search.query)?;
    let filter = Filter {
        sessions: caller.sessions.as_ref().map(|reachable| reachable.to_vec()),
        phone: search.number,
        chat: search.chat,
        sender: search.sender,
        from_me: search.from_me,
        sent_from: search.sent_from,
        sent_before: search.sent_before,
    };
    let outcome = store.read(move |connection| search::find(connection, org, &query, &filter, page)).await?;
    match outcome {
        Outcome::Found(found) => Ok(found),
        Outcome::UnknownPhone => Err(Error::not_found("number not found")),
        Outcome::UnknownChat => Err(Error::not_found("chat not found")),
        Outcome::NoSearchTerms => {
            Err(Error::invalid("query", "must say what to find, not only what to leave out"))
        }
    }
}

impl Search {
    fn page(&self) -> Result<Page> {
        let (offset, limit) = (self.offset.unwrap_or_default(), self.limit.unwrap_or(DEFAULT_LIMIT));
        MOST.check(offset, limit)?;
        Ok(Page {
            newest_first: self.order == Order::NewestFirst,
            max_matches: MOST_MATCHES,
            offset: i32::try_from(offset).map_err(Error::internal)?,
            limit: i32::try_from(limit).map_err(Error::internal)?,
        })
    }
}

/// The query, when it is one that can be looked for.
fn checked(query: String) -> Result<String> {
    let refused = |problem: &str| Err(Error::invalid("query", problem));
    if query.trim().is_empty() {
        return refused("must not be empty");
    }
    if query.chars().count() > LONGEST_QUERY {
        return refused(&format!("must be at most {LONGEST_QUERY} characters long"));
    }
    // PostgreSQL cannot hold it, so no message has one.
    if query.contains('\0') {
        return refused("must not have a NUL character");
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_something_to_look_for_and_an_end() {
        for refused in ["", " \t\n", "a\0b", &"a".repeat(LONGEST_QUERY + 1)] {
            let error = checked(refused.to_owned()).unwrap_err();
            assert_eq!(error.fields()[0].field, "query", "{refused:?}");
        }
        // Characters, not bytes.
        assert!(checked("ä".repeat(LONGEST_QUERY)).is_ok());
    }

    #[test]
    fn a_page_lies_within_what_is_found() {
        let page = |offset, limit| Search { offset, limit, ..Search::default() }.page();
        let usual = page(None, None).unwrap();
        assert_eq!((usual.offset, i64::from(usual.limit)), (0, DEFAULT_LIMIT));
        assert!(page(Some(MOST_MATCHES.into()), Some(MOST_HITS)).is_ok());
        for offset in [-1, i64::from(MOST_MATCHES) + 1, i64::MIN, i64::MAX] {
            assert_eq!(page(Some(offset), None).unwrap_err().fields()[0].field, "offset");
        }
        for limit in [0, -1, MOST_HITS + 1, i64::MAX] {
            assert_eq!(page(None, Some(limit)).unwrap_err().fields()[0].field, "limit");
        }
    }
}
