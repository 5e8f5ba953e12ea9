//! Secrets: texts that are never printed, and those that are reloaded while the service runs.

use std::fmt;

use crate::cursor::SigningKeys;
use crate::reloading::Reloading;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The secrets of a running service. Those that come from files are reloaded when the files change.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// PostgreSQL as a libpq URL.
    pub database_url: Reloading<Secret>,
    /// The same database without a connection pooler.
    pub database_direct_url: Reloading<Secret>,
    /// Keys that sign cursors and encrypt stored secrets.
    pub signing_keys: SigningKeys,
}
