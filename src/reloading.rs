//! A value that can be replaced while it is in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Shared by its clones: what one of them is given, all of them have from then on.
pub struct Reloading<T: ?Sized>(Arc<RwLock<Arc<T>>>);

impl<T: ?Sized> Reloading<T> {
    /// The present value.
    pub fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces it. Who has the one before goes on with that.
    pub fn set(&self, value: impl Into<Arc<T>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value.into();
    }

    /// Whether that is the present value itself, and not one it has replaced.
    pub fn is(&self, value: &Arc<T>) -> bool {
        Arc::ptr_eq(&self.0.read().unwrap_or_else(PoisonError::into_inner), value)
    }
}

impl<T: ?Sized> Clone for Reloading<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: ?Sized> From<Arc<T>> for Reloading<T> {
    fn from(value: Arc<T>) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }
}

impl<T: Clone> From<&T> for Reloading<T> {
    /// One that begins with that value.
    fn from(value: &T) -> Self {
        Arc::new(value.clone()).into()
    }
}

impl<T: ?Sized> From<&Self> for Reloading<T> {
    /// The same one.
    fn from(same: &Self) -> Self {
        same.clone()
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
