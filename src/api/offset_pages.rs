//! Lists that are paginated with an offset and a limit. The proto limits both.

use prost::Message;

use crate::actions::page::fitting;
use crate::store::lists::PageWindow;

const DEFAULT_LIMIT: i64 = 1000;

/// The requested page; by default the first 1000 items.
pub(super) fn page(offset: Option<i64>, limit: Option<i64>, skip_count: bool) -> PageWindow {
    PageWindow {
        offset: offset.unwrap_or_default(),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
        with_count: !skip_count,
    }
}

/// The items as messages. The page ends early where it would be too large; `to` then shows where the next one begins.
pub(super) fn messages<T, M: Message>(items: Vec<T>, to_message: impl Fn(T) -> M) -> Vec<M> {
    let mut messages: Vec<M> = items.into_iter().map(to_message).collect();
    messages.truncate(fitting(&messages, usize::MAX, M::encoded_len));
    messages
}

/// Positions of the first and last item, counted from 1; zeros for an empty page.
pub(super) fn positions(offset: i64, length: usize) -> (i64, i64) {
    match i64::try_from(length).unwrap_or(i64::MAX) {
        0 => (0, 0),
        length => (offset.saturating_add(1), offset.saturating_add(length)),
    }
}
