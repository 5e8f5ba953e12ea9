//! Lists of chats in the chat API.

use std::collections::BTreeSet;

use super::members;
use crate::caller::{Caller, Claimant};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, PhoneSelector};
pub use crate::store::chat_lists::{AssigneeFilter, ChatFilter, ChatOrder, LabelsFilter};
use crate::store::chats::ChatView;
use crate::store::lists::SessionScope;
pub use crate::store::lists::{ListPage, PageWindow};
use crate::store::{Connection, Store, StoreResult, chat_access, chat_lists, claims};

/// Selects the chats that nobody is assigned to.
const UNASSIGNED: &str = "none";

/// A page of the chats of the selected number, or of all numbers.
pub async fn list(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    (filter, order): (ChatFilter, ChatOrder),
    page: PageWindow,
) -> Result<ListPage<ChatView>> {
    let org = caller.org;
    let scope = SessionScope::of(caller, number);
    let read = move |connection: &mut Connection| {
        let mut listed = chat_lists::list(connection, org, &scope, &filter, order, page)?;
        let views = listed.as_mut().map(|page| page.items.as_mut_slice()).unwrap_or_default();
        hide_common(connection, org, scope.viewer.as_deref(), views)?;
        hide_claimed(connection, org, scope.claimant.as_ref(), views)?;
        Ok(listed)
    };
    store.read(read).await?.ok_or_else(|| Error::not_found("phone not found"))
}

/// The numbers of chats in each view of an inbox, at most 1000 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // documented in the proto
pub struct ViewCounts {
    pub all: i64,
    pub unread: i64,
    pub mine: i64,
    pub unassigned: i64,
    pub closed: i64,
    pub archived: i64,
}

/// Counts the chats of each view that pass the filter. `member` is the key of the member whose chats are `mine`; otherwise the
/// caller's.
pub async fn count(
    store: &Store,
    caller: &Caller,
    number: Option<PhoneSelector>,
    filter: ChatFilter,
    member: Option<String>,
) -> Result<ViewCounts> {
    let counts = count_in(store, caller, SessionScope::of(caller, number), filter, member).await?;
    counts.ok_or_else(|| Error::not_found("phone not found"))
}

/// Counts the chats of each view in that scope; `None` when its phone or session is unknown.
pub(super) async fn count_in(
    store: &Store,
    caller: &Caller,
    scope: SessionScope,
    filter: ChatFilter,
    member: Option<String>,
) -> Result<Option<ViewCounts>> {
    let org = caller.org;
    let member = member.or_else(|| caller.member.as_deref().map(ToOwned::to_owned));
    let all = ChatFilter { archived: Some(false), ..filter.clone() };
    let assigned = |to| ChatFilter { closed: Some(false), assigned: Some(to), ..all.clone() };
    let views = [
        ChatFilter { unread: Some(true), ..all.clone() },
        // No member has the empty key.
        assigned(AssigneeFilter::Member(member.unwrap_or_default())),
        assigned(AssigneeFilter::Nobody),
        ChatFilter { closed: Some(true), ..all.clone() },
        ChatFilter { archived: Some(true), ..filter },
        all,
    ];
    let read = move |connection: &mut Connection| chat_lists::counts(connection, org, &scope, &views);
    match store.read(read).await?.as_deref() {
        Some(&[unread, mine, unassigned, closed, archived, all]) => {
            Ok(Some(ViewCounts { all, unread, mine, unassigned, closed, archived }))
        }
        Some(_) | None => Ok(None),
    }
}

/// The filter by the email of a member, or `none`.
pub fn assignee(text: &str) -> Result<AssigneeFilter> {
    if text == UNASSIGNED {
        return Ok(AssigneeFilter::Nobody);
    }
    let key = members::key_of(text);
    key.map(AssigneeFilter::Member)
        .map_err(|_| Error::invalid("assigned_to", "must be an email address or none"))
}

/// Removes what sessions share of the chats that the key only claims.
pub(super) fn hide_claimed(
    connection: &mut Connection,
    org: OrgId,
    claimant: Option<&Claimant>,
    views: &mut [ChatView],
) -> StoreResult<()> {
    let addresses: Vec<ChatAddress> = match claimant {
        Some(_) => views.iter().filter_map(|view| view.shared.chat_id.parse().ok()).collect(),
        None => return Ok(()),
    };
    let claimed = claims::of(connection, org, claimant, &addresses.iter().collect::<Vec<_>>())?;
    let claimed: BTreeSet<String> = claimed.iter().map(ChatAddress::to_string).collect();
    for view in views.iter_mut().filter(|view| claimed.contains(&view.shared.chat_id)) {
        view.hide_shared();
    }
    Ok(())
}

/// Removes the chats that are hidden from a viewer from those that a contact has in common with the organization.
pub(super) fn hide_common(
    connection: &mut Connection,
    org: OrgId,
    viewer: Option<&str>,
    views: &mut [ChatView],
) -> StoreResult<()> {
    let Some(viewer) = viewer else { return Ok(()) };
    let common: BTreeSet<&str> =
        views.iter().flat_map(|view| &view.shared.common_chats).map(String::as_str).collect();
    if common.is_empty() {
        return Ok(());
    }
    let hidden = chat_access::hidden_among(connection, org, &common, viewer)?;
    for view in views {
        view.shared.common_chats.retain(|chat_id| !hidden.contains(chat_id));
    }
    Ok(())
}
