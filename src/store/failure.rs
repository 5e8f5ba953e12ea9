//! What went wrong with a statement, and what follows from it: an answer, another try, or another connection.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, Kind};

/// What a closure given to [`super::Store::read`] or [`super::Store::write`] returns. `?` turns diesel's errors into ours.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// How a closure failed: by the database, or by a rule that looked at what the database holds.
#[derive(Debug)]
pub enum StoreError {
    /// The database refused or is gone.
    Database(DieselError),
    /// A rule refused; the transaction is rolled back.
    Rule(Error),
}

/// What an error of the database means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DbErrorClass {
    /// Others got in between: the transaction may be tried again. With its SQLSTATE.
    Conflict(&'static str),
    /// The server at the other end is gone, or (SQLSTATE 25006) no longer the one that takes writes. Connections to it
    /// are of no use.
    Server,
    /// The statement ran longer than it may.
    Timeout,
    /// Neither diesel nor the words tell. It may be one of the above in another language than English: in which one the
    /// server speaks is for a superuser to choose (`lc_messages`). So it may be tried again, too.
    Unknown,
    /// A fault of ours.
    Fault,
}

impl DbErrorClass {
    /// What that error means. diesel names few SQLSTATEs and tells no other; of those there are the server's words.
    pub(super) fn of(error: &DieselError) -> Self {
        let DieselError::DatabaseError(kind, info) = error else { return Self::Fault };
        match (kind, info.message()) {
            (DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => Self::Server,
            (DatabaseErrorKind::ReadOnlyTransaction, _) => Self::Server,
            (DatabaseErrorKind::SerializationFailure, _) => Self::Conflict("40001"),
            // A missing parent was there when the row was prepared: another call removed it in between.
            (DatabaseErrorKind::ForeignKeyViolation, _) => Self::Conflict("23503"),
            (_, "deadlock detected") => Self::Conflict("40P01"),
            (_, "canceling statement due to lock timeout") => Self::Conflict("55P03"),
            (_, "canceling statement due to statement timeout") => Self::Timeout,
            (_, words) if words.starts_with("could not obtain lock on ") => Self::Conflict("55P03"),
            (DatabaseErrorKind::Unknown, _) => Self::Unknown,
            _ => Self::Fault,
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
        match error {
            StoreError::Rule(error) => error,
            StoreError::Database(error) => match DbErrorClass::of(&error) {
                // Nothing to try again for: what it points to is not there.
                DbErrorClass::Conflict("23503") | DbErrorClass::Unknown | DbErrorClass::Fault => {
                    Self::internal(error)
                }
                DbErrorClass::Conflict(_) | DbErrorClass::Server => Self::unavailable(error),
                DbErrorClass::Timeout => {
                    Self::new(Kind::DeadlineExceeded, "the time for the call is up").caused_by(error)
                }
            },
        }
    }
}
