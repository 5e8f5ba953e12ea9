//! Classification of database errors: which are retried, which are 503, and which reject the data.
//!
//! diesel exposes no SQLSTATE. Errors are recognized by its kinds and by the server's English messages. In another
//! language (`lc_messages`, which takes a superuser to set) most of them are not recognized; such an error counts as an
//! unavailable database, so that it is retried and never rejects data.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// How an error of the database is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DbErrorClass {
    /// A concurrent transaction interfered: the transaction may be retried. Holds the SQLSTATE.
    Retryable(&'static str),
    /// The server is gone or read-only (SQLSTATE 25006, a demoted primary), or the connection's prepared statements are
    /// lost: connections to it must be evicted.
    ServerLost,
    /// The server lacks disk space, memory or connections, or cannot read its files. Holds the SQLSTATE; `unknown` for an
    /// error that is not recognized. The transaction may be retried.
    Unavailable(&'static str),
    /// The statement exceeded `statement_timeout`.
    StatementTimeout,
    /// The values of the statement can never be stored (SQLSTATE classes 22, 23 and 54).
    InvalidData,
    /// A bug in this program.
    Internal,
}

/// SQLSTATE of an error that is not recognized, in metrics.
const UNKNOWN: &str = "unknown";

/// SQLSTATE of a full disk.
pub(super) const DISK_FULL: &str = "53100";

/// SQLSTATE of files that cannot be read or written.
pub(super) const IO_ERROR: &str = "58030";

/// Parts of messages about the connection or the server behind it.
const LOST: [&str; 8] = [
    // 57P01, 57P02, 57P05, 25P03.
    "terminating connection",
    // 57P03: starting up, shutting down, in recovery.
    "the database system is",
    // 26000: a connection pooler exchanged the server connection.
    "prepared statement ",
    // 0A000: a migration changed the columns of a prepared statement.
    "cached plan must not change result type",
    "server closed the connection",
    "no connection to the server",
    "could not receive data from server",
    "SSL SYSCALL error",
];

/// Parts of messages and details about what the server lacks, with the SQLSTATE.
const LACKING: [(&str, &str); 14] = [
    ("No space left on device", DISK_FULL),
    ("Disk quota exceeded", DISK_FULL),
    ("could not extend file", DISK_FULL),
    ("could not resize shared memory", DISK_FULL),
    ("out of memory", "53200"),
    ("out of shared memory", "53200"),
    ("too many clients already", "53300"),
    ("too many connections", "53300"),
    ("remaining connection slots", "53300"),
    ("temporary file size exceeds", "53400"),
    ("canceling statement due to user request", "57014"),
    ("Input/output error", IO_ERROR),
    ("could not fsync file", IO_ERROR),
    // 23514, as a check constraint; the partition is missing.
    ("no partition of relation", UNKNOWN),
];

/// Parts of messages of the SQLSTATE classes 22 and 54 that bound values can cause.
const INVALID: [&str; 16] = [
    // 23514; Citus does not name the constraint.
    "violates check constraint",
    " out of range",
    "value too long",
    " is too long",
    " too big",
    "string too long",
    " exceeds ",
    "maximum size is ",
    "invalid byte sequence for encoding",
    "has no equivalent in encoding",
    "unsupported Unicode escape sequence",
    "invalid input syntax",
    "incorrect binary data format",
    "insufficient data left in message",
    "stack depth limit exceeded",
    // XX000, for a value of more than 1 GiB.
    "invalid memory alloc request size",
];

/// The message of Citus about a deadlock of transactions on several nodes, or on one of them.
const DISTRIBUTED_DEADLOCK: &str =
    "canceling the transaction since it was involved in a distributed deadlock";

/// Parts of messages about statements that cannot succeed.
const WRONG: [&str; 6] = [
    "syntax error",
    "permission denied",
    "row-level security policy",
    "does not exist",
    "must be ",
    "current transaction is aborted",
];

impl DbErrorClass {
    /// Classifies an error.
    pub(super) fn of(error: &DieselError) -> Self {
        if let DieselError::DatabaseError(kind, info) = error {
            return Self::of_database(*kind, info.as_ref());
        }
        // Such as a time outside of PostgreSQL's range.
        let is_data = matches!(error, DieselError::SerializationError(_));
        if is_data { Self::InvalidData } else { Self::Internal }
    }

    fn of_database(kind: DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> Self {
        match kind {
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Self::ServerLost,
            DatabaseErrorKind::SerializationFailure => Self::Retryable("40001"),
            // The parent row existed when this row was prepared: a concurrent call deleted it.
            DatabaseErrorKind::ForeignKeyViolation => Self::Retryable("23503"),
            DatabaseErrorKind::CheckViolation if info.constraint_name().is_none() => Self::of_message(info),
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::ExclusionViolation => Self::InvalidData,
            _ => Self::of_message(info),
        }
    }

    fn of_message(info: &dyn DatabaseErrorInformation) -> Self {
        let (message, details) = (info.message(), info.details().unwrap_or_default());
        match message {
            "deadlock detected" | DISTRIBUTED_DEADLOCK => return Self::Retryable("40P01"),
            "canceling statement due to lock timeout" => return Self::Retryable("55P03"),
            "canceling statement due to statement timeout" => return Self::StatementTimeout,
            _ if message.starts_with("could not obtain lock on ") => return Self::Retryable("55P03"),
            // 54000, with the message of 53200.
            _ if details.starts_with("Cannot enlarge string buffer") => return Self::InvalidData,
            _ => {}
        }
        let has = |part: &str| message.contains(part);
        if LOST.into_iter().any(has) {
            return Self::ServerLost;
        }
        if let Some((_, state)) = LACKING.iter().find(|(part, _)| has(part) || details.contains(part)) {
            return Self::Unavailable(state);
        }
        if INVALID.into_iter().any(has) {
            return Self::InvalidData;
        }
        if WRONG.into_iter().any(has) { Self::Internal } else { Self::Unavailable(UNKNOWN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server says of an error.
    struct Said {
        message: &'static str,
        details: Option<&'static str>,
    }

    impl DatabaseErrorInformation for Said {
        fn message(&self) -> &str {
            self.message
        }

        fn details(&self) -> Option<&str> {
            self.details
        }

        fn hint(&self) -> Option<&str> {
            None
        }

        fn table_name(&self) -> Option<&str> {
            None
        }

        fn column_name(&self) -> Option<&str> {
            None
        }

        fn constraint_name(&self) -> Option<&str> {
            None
        }

        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn class(message: &'static str) -> DbErrorClass {
        DbErrorClass::of_database(DatabaseErrorKind::Unknown, &Said { message, details: None })
    }

    #[test]
    fn error_of_the_server_is_unavailable() {
        for (message, state) in [
            ("could not extend file \"base/5/16384\": No space left on device", DISK_FULL),
            ("out of memory", "53200"),
            ("sorry, too many clients already", "53300"),
            ("temporary file size exceeds temp_file_limit (1024kB)", "53400"),
            ("could not read block 3 in file \"base/5/16384\": Input/output error", "58030"),
            ("could not open relation with OID 16384", UNKNOWN),
            ("konnte Datei »base/5/16384« nicht erweitern", UNKNOWN),
        ] {
            assert_eq!(class(message), DbErrorClass::Unavailable(state), "{message}");
        }
        let details = Some("Could not write to file \"pg_xact/0000\": No space left on device.");
        let said = Said { message: "could not access status of transaction 7", details };
        let found = DbErrorClass::of_database(DatabaseErrorKind::Unknown, &said);
        assert_eq!(found, DbErrorClass::Unavailable(DISK_FULL));
    }

    #[test]
    fn lost_server_is_distinguished_from_other_errors() {
        for message in [
            "terminating connection due to administrator command",
            "terminating connection because of crash of another server process",
            "the database system is shutting down",
            "prepared statement \"__diesel_stmt_0\" does not exist",
        ] {
            assert_eq!(class(message), DbErrorClass::ServerLost, "{message}");
        }
    }

    #[test]
    fn deadlock_is_retryable_on_one_node_and_on_several() {
        for message in ["deadlock detected", DISTRIBUTED_DEADLOCK] {
            assert_eq!(class(message), DbErrorClass::Retryable("40P01"), "{message}");
        }
    }

    #[test]
    fn only_invalid_data_rejects() {
        for message in [
            "invalid byte sequence for encoding \"UTF8\": 0x00",
            "index row size 2800 exceeds btree version 4 maximum 2704 for index \"chats_pkey\"",
            "string is too long for tsvector (1200000 bytes, max 1048575 bytes)",
            "bigint out of range",
            "unsupported Unicode escape sequence",
            "new row for relation \"messages_102151\" violates check constraint \"messages_check_102151\"",
        ] {
            assert_eq!(class(message), DbErrorClass::InvalidData, "{message}");
        }
        let details = Some("Cannot enlarge string buffer containing 1073741822 bytes by 2 more bytes.");
        let said = Said { message: "out of memory", details };
        let found = DbErrorClass::of_database(DatabaseErrorKind::Unknown, &said);
        assert_eq!(found, DbErrorClass::InvalidData);
    }

    #[test]
    fn wrong_statement_is_internal() {
        for message in ["permission denied for table chats", "column \"x\" does not exist"] {
            assert_eq!(class(message), DbErrorClass::Internal, "{message}");
        }
    }
}
