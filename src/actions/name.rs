//! Names that people read.

use crate::error::{Error, Result};

/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 100;

/// The trimmed name: 1 to 100 characters, without control characters.
pub fn checked(field: &str, name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        let expected = format!("must be 1 to {MAX_NAME} characters, none of them a control character");
        return Err(Error::invalid(field, expected));
    }
    Ok(name.to_owned())
}

/// Rejects text that contains NUL, which PostgreSQL cannot store.
pub fn check_no_nul(field: &str, text: &str) -> Result<()> {
    if text.contains('\0') { Err(Error::invalid(field, "must not contain NUL")) } else { Ok(()) }
}
