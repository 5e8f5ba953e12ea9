//! Lists of chats in the chat API.

use super::name::check_no_nul;
use super::offset_pages::{self, Listed, PageRequest};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::PhoneSelector;
use crate::store::Store;
use crate::store::chat_lists::{self, ChatFilter, LabelFilter};
use crate::store::chats::ChatView;
use crate::store::lists::SessionScope;
use crate::text_key::text_key;

/// Selects chats.
#[derive(Clone, Debug, Default)]
pub struct ChatQuery {
    /// `user`, `individual`, `group` or `business`.
    pub chat_type: Option<String>,
    /// A label's id or name; empty selects all.
    pub label: String,
    /// Inclusive start of the time range of the newest message.
    pub start_time: Option<String>,
    /// Exclusive end of the time range of the newest message.
    pub end_time: Option<String>,
    /// Whether there are unread messages.
    pub unread: Option<bool>,
}

/// A page of the chats of the selected number, or of all numbers.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    query: ChatQuery,
    page: PageRequest,
) -> Result<Listed<ChatView>> {
    let page = offset_pages::page(page)?;
    let filter = filter(query)?;
    let org = caller.org;
    let scope = SessionScope { phone: number, sessions: caller.sessions.clone() };
    let listed =
        store.read(move |connection| chat_lists::list(connection, org, &scope, &filter, page)).await?;
    Ok(Listed::new(page, listed.ok_or_else(|| Error::not_found("number not found"))?))
}

fn filter(query: ChatQuery) -> Result<ChatFilter> {
    let chat_type = match query.chat_type.as_deref() {
        None => None,
        Some("user" | "individual") => Some("user"),
        Some("group") => Some("group"),
        Some("business") => Some("business"),
        Some(_) => return Err(Error::invalid("chat_type", "must be user, group or business")),
    };
    check_no_nul("label", &query.label)?;
    let name = query.label.trim();
    let label = (!name.is_empty()).then(|| LabelFilter { id: name.to_owned(), key: text_key(name) });
    let times = offset_pages::times(query.start_time.as_deref(), query.end_time.as_deref())?;
    Ok(ChatFilter { chat_type, label, start: times.start, end: times.end, unread: query.unread })
}
