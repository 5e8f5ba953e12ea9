//! What a closure given to `Store` works with and returns, and the classification of database errors.

use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, Kind};

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

/// How an error of the database is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DbErrorClass {
    /// A concurrent transaction interfered: the transaction may be retried. Holds the SQLSTATE.
    Retryable(&'static str),
    /// The server is gone or read-only (SQLSTATE 25006, a demoted primary): connections to it must be evicted.
    ServerLost,
    /// The statement exceeded `statement_timeout`.
    StatementTimeout,
    /// Neither diesel nor the message identifies the error. It may be one of the above in another language
    /// (`lc_messages` can only be set by a superuser), so the transaction is retried as well.
    Unrecognized,
    /// A bug in this program.
    Internal,
}

impl DbErrorClass {
    /// Classifies an error. diesel exposes few SQLSTATEs; the others are recognized by the server's message.
    pub(super) fn of(error: &DieselError) -> Self {
        let DieselError::DatabaseError(kind, info) = error else { return Self::Internal };
        match (kind, info.message()) {
            (
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            ) => Self::ServerLost,
            (DatabaseErrorKind::SerializationFailure, _) => Self::Retryable("40001"),
            // The parent row existed when this row was prepared: a concurrent call deleted it.
            (DatabaseErrorKind::ForeignKeyViolation, _) => Self::Retryable("23503"),
            (_, "deadlock detected") => Self::Retryable("40P01"),
            (_, "canceling statement due to lock timeout") => Self::Retryable("55P03"),
            (_, "canceling statement due to statement timeout") => Self::StatementTimeout,
            (_, message) if message.starts_with("could not obtain lock on ") => Self::Retryable("55P03"),
            (DatabaseErrorKind::Unknown, _) => Self::Unrecognized,
            _ => Self::Internal,
        }
    }
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
            DbErrorClass::Retryable("23503") | DbErrorClass::Unrecognized | DbErrorClass::Internal => {
                Self::internal(error)
            }
            DbErrorClass::Retryable(_) | DbErrorClass::ServerLost => Self::unavailable(error),
            DbErrorClass::StatementTimeout => deadline_exceeded().caused_by(error),
        }
    }
}

/// The error of a call whose deadline has passed.
pub(super) fn deadline_exceeded() -> Error {
    Error::new(Kind::DeadlineExceeded, crate::deadline::EXCEEDED)
}
