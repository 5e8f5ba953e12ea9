//! Violations of fields whose names contain text of the request.

use std::fmt;

use crate::error::{Error, FieldViolation, Result};

// gRPC errors are sent in headers, which clients limit to a few KiB, so the echoed input must be bounded.
pub(super) const MAX_VIOLATIONS: usize = 10;
const MAX_KEY_CHARACTERS: usize = 100;

/// A violation of `field.key`.
pub(super) fn violation(field: &str, key: &str, problem: impl fmt::Display) -> FieldViolation {
    let key: String = key.chars().take(MAX_KEY_CHARACTERS).collect();
    FieldViolation::new(format!("{field}.{key}"), problem)
}

/// Returns the first violations as an error, if there are any.
pub(super) fn reject(mut violations: Vec<FieldViolation>) -> Result<()> {
    violations.truncate(MAX_VIOLATIONS);
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid_fields(violations)) }
}
