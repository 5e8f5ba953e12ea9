//! A search for messages, from the request to the answer.

use super::message_object::message_object;
use crate::actions::offset_pages::{moment, positions};
use crate::actions::search::{Order, Search};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, PhoneSelector};
use crate::pb::{SearchHit, SearchMessagesRequest, SearchMessagesResponse};
use crate::store::search::{Found, HEADLINE_MARKS, Hit};

/// What the request asks for.
pub(super) fn search(request: SearchMessagesRequest, number: Option<PhoneSelector>) -> Result<Search> {
    Ok(Search {
        number,
        chat: request.chat_id.map(|text| address("chat_id", &text)).transpose()?,
        sender: request.sender.map(|text| address("sender", &text)).transpose()?,
        from_me: request.from_me,
        sent_from: request.start_time.map(|text| moment("start_time", &text)).transpose()?,
        sent_before: request.end_time.map(|text| moment("end_time", &text)).transpose()?,
        order: request.order_by.as_deref().map_or(Ok(Order::default()), order)?,
        offset: request.offset,
        limit: request.limit,
        query: request.query,
    })
}

/// The answer to a search that left out that many hits.
pub(super) fn response(org: OrgId, offset: i64, found: Found) -> SearchMessagesResponse {
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
    let org_phone = format!("{}@c.us", hit.phone);
    SearchHit {
        snippet: snippet(&hit.headline),
        rank: hit.rank,
        message: Some(message_object(org, &hit.chat_id, &org_phone, hit.message)),
    }
}

fn address(field: &str, text: &str) -> Result<ChatAddress> {
    ChatAddress::from_chat_id(text).map_err(|expected| Error::invalid(field, expected))
}

/// As AIP-132 writes an order: how many spaces there are says nothing.
fn order(text: &str) -> Result<Order> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        ["rank", "desc"] => Ok(Order::BestFirst),
        ["timestamp", "desc"] => Ok(Order::NewestFirst),
        _ => Err(Error::invalid("order_by", "must be rank desc or timestamp desc")),
    }
}

/// The headline as HTML whose only markup is ours.
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
    fn a_snippet_has_no_markup_but_ours() {
        let headline = "<b onclick='x(\"y\")'>\u{1}fish\u{2} &amp; \u{1}chips\u{2}</b>";
        let html = "&lt;b onclick=&#39;x(&quot;y&quot;)&#39;&gt;<mark>fish</mark> &amp;amp; <mark>chips</mark>&lt;/b&gt;";
        assert_eq!(snippet(headline), html);
    }

    #[test]
    fn an_order_is_one_of_two() {
        assert_eq!(order("rank desc").unwrap(), Order::BestFirst);
        assert_eq!(order("  timestamp   desc ").unwrap(), Order::NewestFirst);
        for refused in ["", "rank", "rank asc", "timestamp", "RANK DESC", "rank desc, timestamp desc"] {
            assert_eq!(order(refused).unwrap_err().fields()[0].field, "order_by", "{refused:?}");
        }
    }

    #[test]
    fn an_empty_page_has_no_positions() {
        let found = Found { total: 7, is_capped: false, hits: Vec::new() };
        let answer = response(OrgId::generate(), 50, found);
        assert_eq!((answer.from, answer.to, answer.count), (0, 0, 7));
    }
}
