//! Lists that are paginated with a signed cursor.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::{Scope, SigningKeys};
use crate::error::Result;
use crate::ids::OrgId;
use crate::store::{Connection, Store, StoreResult, name_of};

const DEFAULT_SIZE: i64 = 50;
const MAX_SIZE: i64 = 200;

/// Selects a page of a list.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Maximum number of items, clamped to 1–200; 50 when `None`.
    pub limit: Option<i64>,
    /// The cursor from the previous page; empty for the first.
    pub cursor: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page with converted items.
    pub(super) fn map<U>(self, convert: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

/// A list whose cursors are valid for one organization and one scope.
pub(super) struct CursorList<'a> {
    pub(super) store: &'a Store,
    pub(super) keys: &'a SigningKeys,
    pub(super) org: OrgId,
    pub(super) scope: Scope,
}

impl CursorList<'_> {
    /// Reads the page after `cursor`.
    /// `read` gets the position of the last item before the page, and the number of rows.
    pub(super) async fn page<T, P, F>(
        &self,
        limit: Option<i64>,
        cursor: &str,
        position: impl Fn(&T) -> P,
        read: F,
    ) -> Result<Page<T>>
    where
        T: Send + 'static,
        P: Serialize + DeserializeOwned + Clone + Send + 'static,
        F: Fn(&mut Connection, Option<P>, i64) -> StoreResult<Vec<T>> + Send + 'static,
    {
        let after = match cursor {
            "" => None,
            cursor => Some(self.keys.open(self.org, &self.scope, cursor)?),
        };
        let size = limit.unwrap_or(DEFAULT_SIZE).clamp(1, MAX_SIZE);
        let work = move |connection: &mut Connection| read(connection, after.clone(), size + 1);
        let rows = self.store.read_named(name_of::<F>(), work).await?;
        cut(rows, size, |last| self.keys.seal(self.org, &self.scope, &position(last)))
    }
}

/// Removes the row after the page. Its presence shows that a next page exists.
fn cut<T>(mut rows: Vec<T>, size: i64, cursor: impl Fn(&T) -> Result<String>) -> Result<Page<T>> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let is_last = rows.len() <= size;
    rows.truncate(size);
    let next = rows.last().filter(|_| !is_last).map(cursor).transpose()?;
    Ok(Page { items: rows, next })
}
