//! Why the embedded PostgreSQL cannot be used.

use std::fmt;
use std::path::Path;

/// An error message for the operator.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: the failed operation and its path.
    pub(crate) fn io(operation: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("cannot {operation} {}", path.display());
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
