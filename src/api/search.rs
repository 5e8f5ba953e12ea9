//! Requests and responses of the message search.

use super::messages::chat_message;
use super::parse::chat_address;
use crate::actions::offset_pages::{moment, positions};
use crate::actions::search::{Filter, Order, Search};
use crate::error::{Error, Result};
use crate::ids::{OrgId, PhoneSelector};
use crate::pb::{SearchHit, SearchMessagesRequest, SearchMessagesResponse};
use crate::store::message_lists::ListedMessage;
use crate::store::search::{Found, HEADLINE_MARKS, Hit};

pub(super) fn search(request: SearchMessagesRequest, number: Option<PhoneSelector>) -> Result<Search> {
    Ok(Search {
        filter: Filter {
            sessions: None,
            phone: number,
            chat: request.chat_id.map(|text| chat_address("chat_id", &text)).transpose()?,
            sender: request.sender.map(|text| chat_address("sender", &text)).transpose()?,
            from_me: request.from_me,
            sent_from: request.start_time.map(|text| moment("start_time", &text)).transpose()?,
            sent_before: request.end_time.map(|text| moment("end_time", &text)).transpose()?,
        },
        order: request.order_by.as_deref().map_or(Ok(Order::default()), order)?,
        offset: request.offset,
        limit: request.limit,
        query: request.query,
    })
}

/// Parses an order as AIP-132 writes it: the number of spaces does not matter.
pub(super) fn order(text: &str) -> Result<Order> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        ["rank", "desc"] => Ok(Order::BestFirst),
        ["timestamp", "desc"] => Ok(Order::NewestFirst),
        _ => Err(Error::invalid("order_by", "must be rank desc or timestamp desc")),
    }
}

/// The page of hits that begins after `offset` hits.
pub(super) fn search_response(org: OrgId, offset: i64, found: Found) -> SearchMessagesResponse {
    let (from, to) = positions(offset, found.hits.len());
    SearchMessagesResponse {
        from,
        to,
        count: found.total.into(),
        count_is_capped: found.is_capped,
        hits: found.hits.into_iter().map(|hit| search_hit(org, hit)).collect(),
    }
}

fn search_hit(org: OrgId, hit: Hit) -> SearchHit {
    let Hit { chat_id, phone, message, .. } = hit;
    SearchHit {
        snippet: snippet(&hit.headline),
        rank: hit.rank,
        message: Some(chat_message(org, ListedMessage { chat_id, phone, message })),
    }
}

/// The headline as HTML, with `<mark>` as the only markup.
fn snippet(headline: &str) -> String {
    let mut html = String::with_capacity(headline.len() + 16);
    for character in headline.chars() {
        match character {
            _ if character == HEADLINE_MARKS[0] => html.push_str("<mark>"),
            _ if character == HEADLINE_MARKS[1] => html.push_str("</mark>"),
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippet_escapes_markup_of_the_message() {
        let headline = "<b onclick='x(\"y\")'>\u{1}fish\u{2} &amp; \u{1}chips\u{2}</b>";
        let html = "&lt;b onclick=&#39;x(&quot;y&quot;)&#39;&gt;<mark>fish</mark> &amp;amp; <mark>chips</mark>&lt;/b&gt;";
        assert_eq!(snippet(headline), html);
    }

    #[test]
    fn order_is_one_of_two() {
        assert_eq!(order("rank desc").unwrap(), Order::BestFirst);
        assert_eq!(order("  timestamp   desc ").unwrap(), Order::NewestFirst);
        for invalid in ["", "rank", "rank asc", "timestamp", "RANK DESC", "rank desc, timestamp desc"] {
            assert_eq!(order(invalid).unwrap_err().fields()[0].field, "order_by", "{invalid:?}");
        }
    }

    #[test]
    fn empty_page_has_positions_zero() {
        let found = Found { total: 7, is_capped: false, hits: Vec::new() };
        let response = search_response(OrgId::generate(), 50, found);
        assert_eq!((response.from, response.to, response.count), (0, 0, 7));
    }
}
