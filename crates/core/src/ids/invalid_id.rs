//! The error of an invalid id.

/// A text that is not a valid id. Displays as what the id must be, to follow the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId(pub(crate) &'static str);

impl std::fmt::Display for InvalidId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}
