//! What a closure given to `Store` works with and returns.

use std::error::Error as _;

use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;

use super::db_error::DbErrorClass;
use switchboard_core::error::{Error, Kind};

/// What a closure given to `Store::read` or `Store::write` works with.
pub type Connection = PgConnection;

/// What such a closure returns. `?` converts diesel's errors.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// Why a closure failed.
#[derive(Debug)]
pub enum StoreError {
    /// The database returned an error or closed the connection.
    Database(DieselError),
    /// A rule of `actions` rejected the work; the transaction is rolled back.
    Rule(Error),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Rule(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let error = match error {
            StoreError::Rule(error) => return error,
            StoreError::Database(error) => error,
        };
        match DbErrorClass::of(&error) {
            // A retry by the client would fail again: the row it refers to does not exist.
            DbErrorClass::Retryable("23503") | DbErrorClass::InvalidData | DbErrorClass::Internal => {
                Self::internal(error)
            }
            DbErrorClass::Retryable(_) | DbErrorClass::ServerLost | DbErrorClass::Unavailable(_) => {
                Self::unavailable(error)
            }
            DbErrorClass::StatementTimeout => deadline_exceeded().caused_by(error),
        }
    }
}

/// Whether the database or a quota rejects the written values themselves: the same write cannot succeed.
///
/// Every other error says nothing about the values: the database is unavailable, or this program has a bug.
pub fn is_rejection(error: &Error) -> bool {
    if error.kind() == Kind::QuotaExceeded {
        return true;
    }
    let source = error.source().and_then(|source| source.downcast_ref::<DieselError>());
    source
        .map(DbErrorClass::of)
        .is_some_and(|class| matches!(class, DbErrorClass::InvalidData | DbErrorClass::Retryable("23503")))
}

/// The error of a call whose deadline has passed.
pub(super) fn deadline_exceeded() -> Error {
    Error::new(Kind::DeadlineExceeded, switchboard_core::deadline::EXCEEDED)
}
