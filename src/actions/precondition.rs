//! Preconditions of writes, such as If-Match.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};

/// A condition on the current state, checked after the row is locked.
pub struct Precondition<V>(Option<Test<V>>);

type Test<V> = Arc<dyn Fn(&V) -> bool + Send + Sync>;

impl<V> Clone for Precondition<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Precondition<V> {
    /// Accepts every state.
    pub const NONE: Self = Self(None);

    /// Accepts the states for which the test returns `true`.
    pub fn new(test: impl Fn(&V) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(test)))
    }

    /// Whether this is not [`Self::NONE`].
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn check(&self, current: &V) -> Result<()> {
        match &self.0 {
            Some(test) if !test(current) => {
                Err(Error::new(Kind::VersionMismatch, "If-Match does not match the current ETag"))
            }
            _ => Ok(()),
        }
    }
}
