//! Errors as gRPC statuses, and back: the REST door reads the very error the rules returned.

use std::sync::Arc;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use super::{Error, Kind};

/// The error a status was made of, kept beside it for the in-process REST door.
#[derive(Debug, Clone)]
struct Origin(Arc<Error>);

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Origin {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        for violation in error.fields() {
            details.add_bad_request_violation(&violation.field, violation.sentence(&violation.field));
        }
        if let Some(required) = error.required() {
            let metadata = [("required".to_owned(), required.to_owned())];
            details.set_error_info("CAPABILITY_REQUIRED", "switchboard", metadata);
        }
        let row = error.kind().row();
        let mut status = Status::with_error_details(row.code, error.message(), details);
        status.set_source(Arc::new(Origin(Arc::new(error))));
        status
    }
}

/// The error behind a status. A status that was not made of an [`Error`] (tonic's own) keeps its code and words.
pub fn with_origin<T>(status: &Status, look: impl FnOnce(&Error) -> T) -> T {
    let origin = std::error::Error::source(status).and_then(|source| source.downcast_ref::<Origin>());
    match origin {
        Some(origin) => look(&origin.0),
        None => look(&Error::new(Kind::from_code(status.code()), status.message().to_owned())),
    }
}
