//! How a command ends when it does not end well.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use crate::config::InvalidConfig;
use crate::error::{Error, Kind};
use crate::postgres;

/// The exit code of a bad configuration: `EX_USAGE` of BSD's sysexits, as linkerd2-proxy uses it too.
const BAD_CONFIGURATION: u8 = 64;

/// The exit code of clap.
const WRONG_USAGE: u8 = 2;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// It failed, for that reason.
    Failed(String),
    /// What it was told on the command line cannot be.
    Usage(String),
    /// Who read the answer left before its end: nothing is said, and nobody takes it for whole.
    CutShort,
    /// It does not start with settings like these: every mistake in them.
    Configuration(Vec<String>),
}

impl Failure {
    /// A failure for that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// Tells it on standard error, and how the process must end.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(reason) => {
                eprintln!("error: {reason}");
                ExitCode::FAILURE
            }
            Self::Usage(reason) => {
                eprintln!("error: {reason}");
                ExitCode::from(WRONG_USAGE)
            }
            Self::CutShort => ExitCode::FAILURE,
            Self::Configuration(mistakes) => {
                for mistake in mistakes {
                    eprintln!("error: {mistake}");
                }
                ExitCode::from(BAD_CONFIGURATION)
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) | Self::Usage(reason) => f.write_str(reason),
            Self::CutShort => f.write_str("the answer was not read to its end"),
            Self::Configuration(mistakes) => f.write_str(&mistakes.join("; ")),
        }
    }
}

impl From<Error> for Failure {
    /// What a rule refuses, the command line was told.
    fn from(error: Error) -> Self {
        if error.kind() == Kind::Invalid {
            return Self::Usage(error.message_spelled(flag).into_owned());
        }
        Self::Failed(with_causes(&error))
    }
}

/// The operator reads the cause, which a caller of the service never does.
pub(super) fn with_causes(error: &Error) -> String {
    let mut reason = error.message().into_owned();
    if error.kind() == Kind::Unavailable {
        "the database cannot be reached".clone_into(&mut reason);
    }
    let mut source = StdError::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {}", cause.to_string().trim());
        source = cause.source();
    }
    reason
}

/// The flag that fills a field.
fn flag(field: &str) -> Cow<'_, str> {
    let name = field.split('[').next().unwrap_or(field);
    match name {
        "capabilities" => "--can".into(),
        "expires_at" => "--expires-in".into(),
        "options" => "--option".into(),
        "session_ids" => "--session".into(),
        name => format!("--{name}").into(),
    }
}

impl From<InvalidConfig> for Failure {
    fn from(invalid: InvalidConfig) -> Self {
        Self::Configuration(invalid.mistakes)
    }
}

impl From<postgres::Failure> for Failure {
    fn from(failure: postgres::Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
