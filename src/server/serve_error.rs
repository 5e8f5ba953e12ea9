//! Why the server could not start.

use std::fmt;

use crate::config::InvalidConfig;

/// Why the server could not start.
#[derive(Debug)]
pub enum ServeError {
    /// The settings are invalid.
    Config(InvalidConfig),
    /// A part of the server could not be built: a fault of the program.
    Setup(Box<dyn std::error::Error + Send + Sync>),
}

impl ServeError {
    pub(super) fn setup(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Setup(error.into())
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Setup(error) => write!(f, "could not start the server: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}
