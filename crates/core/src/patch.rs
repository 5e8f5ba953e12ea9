//! The change of one field in a partial update.

/// How a partial update changes a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field does not change.
    #[default]
    Keep,
    /// The field is cleared.
    Clear,
    /// The field gets a value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field does not change.
    pub fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// Converts the value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => Patch::Set(convert(value)),
        }
    }

    /// Converts the value with a function that may fail.
    pub fn try_map<U, E>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => Patch::Set(convert(value)?),
        })
    }

    /// Applies the change to a stored value.
    pub fn apply(&self, stored: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Patch::Keep => {}
            Patch::Clear => *stored = None,
            Patch::Set(value) => *stored = Some(value.clone()),
        }
    }

    /// The value of a field for which clearing is the same as the default value; `None` keeps the field.
    pub fn or_default(self) -> Option<T>
    where
        T: Default,
    {
        match self {
            Patch::Keep => None,
            Patch::Clear => Some(T::default()),
            Patch::Set(value) => Some(value),
        }
    }

    /// The value of a nullable column in a diesel changeset: `None` keeps it, `Some(None)` sets NULL.
    pub fn into_changeset(self) -> Option<Option<T>> {
        match self {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => Some(Some(value)),
        }
    }
}
