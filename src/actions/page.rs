//! Lists that are paginated with a signed cursor.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::{Scope, SigningKeys};
use crate::error::Result;
use crate::ids::OrgId;
use crate::store::{Connection, Store, StoreResult, name_of};

const DEFAULT_SIZE: i64 = 50;
const MAX_SIZE: i64 = 200;

/// The most that the items of a page take as protobuf, unless it is one item: gRPC clients accept 4 MiB by default.
pub const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

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
        F: Fn(&mut Connection, Option<P>, i64) -> StoreResult<Vec<T>> + Send + Sync + 'static,
    {
        self.page_in_slices(limit, cursor, MAX_SIZE, position, |_| 0, read).await
    }

    /// [`Self::page`] of rows that may be large: it ends early, before `size_of` its rows exceeds [`MAX_PAGE_BYTES`].
    pub(super) async fn page_by_size<T, P, F>(
        &self,
        limit: Option<i64>,
        cursor: &str,
        position: impl Fn(&T) -> P,
        size_of: impl Fn(&T) -> usize,
        read: F,
    ) -> Result<Page<T>>
    where
        T: Send + 'static,
        P: Serialize + DeserializeOwned + Clone + Send + 'static,
        F: Fn(&mut Connection, Option<P>, i64) -> StoreResult<Vec<T>> + Send + Sync + 'static,
    {
        self.page_in_slices(limit, cursor, DEFAULT_SIZE, position, size_of, read).await
    }

    /// Reads at most `slice` rows and one at a time, and no more than the first that does not fit into the page.
    async fn page_in_slices<T, P, F>(
        &self,
        limit: Option<i64>,
        cursor: &str,
        slice: i64,
        position: impl Fn(&T) -> P,
        size_of: impl Fn(&T) -> usize,
        read: F,
    ) -> Result<Page<T>>
    where
        T: Send + 'static,
        P: Serialize + DeserializeOwned + Clone + Send + 'static,
        F: Fn(&mut Connection, Option<P>, i64) -> StoreResult<Vec<T>> + Send + Sync + 'static,
    {
        let mut after = match cursor {
            "" => None,
            cursor => Some(self.keys.open(self.org, &self.scope, cursor)?),
        };
        let size = usize::try_from(limit.unwrap_or(DEFAULT_SIZE).clamp(1, MAX_SIZE)).unwrap_or_default();
        let (read, mut rows) = (Arc::new(read), Vec::new());
        loop {
            let left = i64::try_from(size - rows.len()).unwrap_or_default().min(slice);
            let (read, position_before) = (Arc::clone(&read), after.take());
            let work = move |connection: &mut Connection| read(connection, position_before.clone(), left + 1);
            let more = self.store.read_named(name_of::<F>(), work).await?;
            let is_last = i64::try_from(more.len()).is_ok_and(|count| count <= left);
            rows.extend(more);
            let fitting = fitting(&rows, size, &size_of);
            if is_last || rows.len() > size || fitting < rows.len() {
                return cut(rows, fitting, |last| self.keys.seal(self.org, &self.scope, &position(last)));
            }
            after = rows.last().map(&position);
        }
    }
}

/// How many of the rows fit into a page of that many: at least one.
pub fn fitting<T>(rows: &[T], max_rows: usize, size_of: impl Fn(&T) -> usize) -> usize {
    let mut bytes = 0;
    let fits = |row: &&T| {
        bytes += size_of(row);
        bytes <= MAX_PAGE_BYTES
    };
    rows.iter().take(max_rows).take_while(fits).count().max(1)
}

/// Removes the rows after the page. Their presence shows that a next page exists.
fn cut<T>(mut rows: Vec<T>, size: usize, cursor: impl Fn(&T) -> Result<String>) -> Result<Page<T>> {
    let is_last = rows.len() <= size;
    rows.truncate(size);
    let next = rows.last().filter(|_| !is_last).map(cursor).transpose()?;
    Ok(Page { items: rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_ends_before_its_bytes_exceed_the_maximum() {
        let fit = |rows: &[usize], max_rows| fitting(rows, max_rows, |row| *row);
        assert_eq!(fit(&[1; 10], 4), 4);
        assert_eq!(fit(&[MAX_PAGE_BYTES / 4; 10], 10), 4);
        assert_eq!(fit(&[2 * MAX_PAGE_BYTES, 1], 10), 1, "an item that is too large comes alone");
    }
}
