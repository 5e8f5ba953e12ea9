//! Lists of chats.

use super::offset_pages::{self, Listed, Page, PageRequest};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::PhoneSelector;
use crate::store::Store;
use crate::store::chat_lists::{self, ChatFilter, LabelFilter};
use crate::store::chats::ChatView;
use crate::store::lists::{List, kept_count};
use crate::text_key::text_key;

/// Which chats are asked for, as the caller said it: empty texts say nothing.
#[derive(Clone, Debug, Default)]
pub struct ChatQuery {
    /// `user`, `individual`, `group` or `business`.
    pub chat_type: String,
    /// A label's id or name.
    pub label: String,
    /// From when the newest message is.
    pub start_time: String,
    /// Before when the newest message is.
    pub end_time: String,
    /// Whether there are unread messages.
    pub unread: Option<bool>,
}

/// A page of the chats of the selected number, or of all that the caller reaches.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    query: ChatQuery,
    page: PageRequest,
) -> Result<Listed<ChatView>> {
    let page = Page::parse(page)?;
    let filter = filter(query)?;
    let caller = caller.clone();
    store
        .snapshot(move |connection| {
            let org = caller.org;
            let numbers = offset_pages::numbers(connection, &caller, number.as_ref())?;
            let is_filtered = filter != ChatFilter::default();
            let kept = if is_filtered { None } else { kept_count(connection, org, List::Chats, &numbers)? };
            page.read(
                connection,
                kept,
                |connection| chat_lists::count(connection, org, &numbers, &filter),
                |connection, window| chat_lists::page(connection, org, &numbers, &filter, window),
                |connection, keys| chat_lists::whole(connection, org, keys),
            )
        })
        .await
}

fn filter(query: ChatQuery) -> Result<ChatFilter> {
    let chat_type = match query.chat_type.as_str() {
        "" => None,
        "user" | "individual" => Some("user"),
        "group" => Some("group"),
        "business" => Some("business"),
        _ => return Err(Error::invalid("chat_type", "must be user, group or business")),
    };
    // PostgreSQL cannot hold NUL, so it cannot be asked for one.
    if query.label.contains('\0') {
        return Err(Error::invalid("label", "must not have a NUL character"));
    }
    let name = query.label.trim();
    let label = (!name.is_empty()).then(|| LabelFilter { id: name.to_owned(), key: text_key(name) });
    let times = offset_pages::times(&query.start_time, &query.end_time)?;
    Ok(ChatFilter { chat_type, label, start: times.start, end: times.end, unread: query.unread })
}
