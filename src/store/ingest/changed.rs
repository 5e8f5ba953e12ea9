//! Rows whose values change.

/// A row before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// As it is stored.
    pub before: T,
    /// As it is to be stored.
    pub after: T,
}

impl<T: PartialEq> Changed<T> {
    /// A change of a row; `None` when nothing changes.
    pub fn new(before: T, after: T) -> Option<Self> {
        (before != after).then_some(Self { before, after })
    }
}
