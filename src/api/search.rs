//! Requests and responses of the message search.

use super::messages::chat_message;
use super::offset_pages::{messages, positions};
use super::parse::{chat_address, iso_8601, optional};
use crate::actions::search::{Filter, Found, Hit, MAX_MATCHES, Page};
use crate::error::{Error, Result};
use crate::full_text::Piece;
use crate::ids::{OrgId, PhoneSelector};
use crate::pb::{SearchHit, SearchMessagesRequest, SearchMessagesResponse};
use crate::store::message_lists::ListedMessage;

const DEFAULT_LIMIT: i64 = 50;

/// The query, the filter and the page of a request.
pub(super) fn search_query(
    request: SearchMessagesRequest,
    number: Option<PhoneSelector>,
) -> Result<(String, Filter, Page)> {
    let filter = Filter {
        sessions: None,
        viewer: None,
        phone: number,
        chat: optional("chat_id", request.chat_id, chat_address)?,
        sender: optional("sender", request.sender, chat_address)?,
        from_me: request.from_me,
        sent_from: optional("start_time", request.start_time, iso_8601)?,
        sent_before: optional("end_time", request.end_time, iso_8601)?,
    };
    // The proto limits both numbers.
    let page = Page {
        newest_first: optional("order_by", request.order_by, newest_first)?.unwrap_or_default(),
        max_matches: MAX_MATCHES,
        offset: request.offset.unwrap_or_default(),
        limit: request.limit.unwrap_or(DEFAULT_LIMIT),
    };
    Ok((request.query, filter, page))
}

/// Whether the order is by time instead of rank. As in AIP-132, the number of spaces does not matter.
pub(super) fn newest_first(field: &str, order: &str) -> Result<bool> {
    match order.split_whitespace().collect::<Vec<_>>()[..] {
        ["rank", "desc"] => Ok(false),
        ["timestamp", "desc"] => Ok(true),
        _ => Err(Error::invalid(field, "must be rank desc or timestamp desc")),
    }
}

pub(super) fn search_response(org: OrgId, page: Page, found: Found) -> SearchMessagesResponse {
    let hits = messages(found.hits, |(hit, headline)| search_hit(org, hit, &headline));
    let (from, to) = positions(page.offset, hits.len());
    SearchMessagesResponse { from, to, count: found.total, count_is_capped: found.is_capped, hits }
}

fn search_hit(org: OrgId, hit: Hit, headline: &[Piece]) -> SearchHit {
    let Hit { chat_id, phone, message, .. } = hit;
    SearchHit {
        snippet: snippet(headline),
        rank: hit.rank,
        message: Some(chat_message(org, ListedMessage { chat_id, phone, message })),
    }
}

/// The headline as HTML, with `<mark>` as the only markup.
fn snippet(headline: &[Piece]) -> String {
    let mut html = String::new();
    for Piece { text, is_match } in headline {
        html.push_str(if *is_match { "<mark>" } else { "" });
        for character in text.chars().filter(|character| !matches!(character, '\u{1}' | '\u{2}')) {
            match character {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                _ => html.push(character),
            }
        }
        html.push_str(if *is_match { "</mark>" } else { "" });
    }
    html
}
