//! Filters of lists of chats, which both APIs have.

use crate::actions::chat_lists::{self, AssigneeFilter, ChatOrder, LabelsFilter, ViewCounts};
use crate::error::Result;
use crate::pb::CountChatsResponse;
use crate::text_key::text_key;

pub(super) fn labels<'t>(labels: impl IntoIterator<Item = &'t String>) -> LabelsFilter {
    let labels = labels.into_iter().map(|label| label.trim()).filter(|label| !label.is_empty());
    let (ids, keys) = labels.map(|label| (label.to_owned(), text_key(label))).unzip();
    LabelsFilter { ids, keys }
}

pub(super) fn assignee(email: Option<&str>) -> Result<Option<AssigneeFilter>> {
    email.map(chat_lists::assignee).transpose()
}

pub(super) fn order(sort: Option<&str>) -> ChatOrder {
    match sort {
        Some("oldest") => ChatOrder::Oldest,
        Some(_) | None => ChatOrder::Newest,
    }
}

pub(super) fn counts(counts: ViewCounts) -> CountChatsResponse {
    let ViewCounts { all, unread, mine, unassigned, closed, archived } = counts;
    CountChatsResponse { all, unread, mine, unassigned, closed, archived }
}
