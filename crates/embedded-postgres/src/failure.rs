//! Why the embedded PostgreSQL cannot be used: errors with a message for the operator.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The result of operations on files and processes.
pub(crate) type Result<T> = std::io::Result<T>;

pub(crate) fn failure(message: impl Into<String>) -> Error {
    Error::other(message.into())
}

/// For `map_err`: the failed operation and its path.
pub(crate) fn cannot(operation: &str, path: &Path) -> impl FnOnce(Error) -> Error {
    let what = format!("cannot {operation} {}", path.display());
    move |error| failure(format!("{what}: {error}"))
}

/// `None` for a file that does not exist.
pub(crate) fn if_found<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}
