//! The audit log of a chat.

use prost::Message as _;

use super::page::{CursorList, Page, PageRequest};
use super::sessions::missing_chat;
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::instant::Instant;
pub use crate::store::events::AuditQuery;
use crate::store::events::{self, ChangeEvent};
use crate::store::{Connection, Store, claims};

/// A page of the chat's changes, newest first, within the caller's sessions.
pub async fn list(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    query: AuditQuery,
    page: PageRequest,
) -> Result<Page<ChangeEvent>> {
    check_kind("action", query.action.as_deref())?;
    let scope = Scope::of("audit logs")
        .with("chat", &query.address)
        .with_some("number", query.phone.as_ref())
        .with_some("performed by", query.actor.as_deref())
        .with_some("action", query.action.as_deref())
        .with_some("from", query.from.map(Instant::micros))
        .with_some("before", query.before.map(Instant::micros));
    let org = caller.org;
    let query = AuditQuery { sessions: caller.sessions.clone(), viewer: caller.viewer(), ..query };
    let claimant = caller.claimant.clone();
    let list = CursorList { store, keys, org, scope };
    let read = move |connection: &mut Connection, older_than: Option<(i64, i64)>, limit| {
        let older_than = older_than.map(|(at, id)| (Instant::from_micros(at), id));
        let is_claimed = !claims::of(connection, org, claimant.as_ref(), &[&query.address])?.is_empty();
        let query = AuditQuery { older_than, is_claimed, ..query.clone() };
        match events::of_chat(connection, org, &query, limit)? {
            Some(rows) => Ok(rows),
            None => {
                Err(missing_chat(connection, org, query.phone.as_ref(), query.sessions.as_deref())?.into())
            }
        }
    };
    let position = |event: &ChangeEvent| (event.at.micros(), event.event_id);
    list.page_by_size(page.limit, &page.cursor, position, size_of, read).await
}

fn size_of(event: &ChangeEvent) -> usize {
    let values = event.changes.0.iter();
    values.map(|(field, (from, to))| field.len() + from.0.encoded_len() + to.0.encoded_len()).sum()
}

/// Rejects an unknown kind of change event.
pub(super) fn check_kind(field: &'static str, kind: Option<&str>) -> Result<()> {
    match kind {
        Some(kind) if events::selected_by(kind).is_empty() => {
            let message = "must be an action or a type of events, or a type with `*` after the dot";
            Err(Error::invalid(field, message))
        }
        Some(_) | None => Ok(()),
    }
}
