//! Why a command failed, and its exit code.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use super::note::note;
use crate::config::InvalidConfig;
use crate::error::{Error, Kind};

/// What `--help` says about the codes below.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
   0  the command has done its work; also when the reader of its output, such as `head`, needed only the beginning
   1  it failed: standard error says why; import: lines were rejected; export: the output was closed before its end;
      healthcheck: the service is not ready; doctor: a check failed
   2  an argument is invalid
  64  a setting is invalid";

/// `EX_USAGE` of BSD's sysexits.
const INVALID_CONFIGURATION: u8 = 64;

/// As clap uses it.
const WRONG_USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// It failed for that reason.
    Failed(String),
    /// An argument on the command line is invalid.
    Usage(String),
    /// The reader of the output closed it early. Prints nothing; the exit code marks the output as incomplete.
    Truncated,
    /// The settings are invalid: every mistake in them.
    Configuration(Vec<String>),
}

impl Failure {
    /// A failure for that reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// Prints the failure to standard error and returns the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (lines, code) = match self {
            Self::Failed(reason) => (std::slice::from_ref(reason), ExitCode::FAILURE),
            Self::Usage(reason) => (std::slice::from_ref(reason), ExitCode::from(WRONG_USAGE)),
            Self::Truncated => (&[][..], ExitCode::FAILURE),
            Self::Configuration(mistakes) => (&mistakes[..], ExitCode::from(INVALID_CONFIGURATION)),
        };
        lines.iter().for_each(|line| note(format_args!("error: {line}")));
        code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) | Self::Usage(reason) => f.write_str(reason),
            Self::Truncated => f.write_str("the output was closed before its end"),
            Self::Configuration(mistakes) => f.write_str(&mistakes.join("; ")),
        }
    }
}

impl From<Error> for Failure {
    /// Invalid fields are named by their flags.
    fn from(error: Error) -> Self {
        if error.kind() == Kind::Invalid {
            return Self::Usage(error.message_spelled(flag).into_owned());
        }
        Self::Failed(with_causes(&error))
    }
}

/// The error with its causes, which only operators may read.
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
        "kind" => "KIND".into(),
        name => format!("--{}", name.replace('_', "-")).into(),
    }
}

impl From<InvalidConfig> for Failure {
    fn from(invalid: InvalidConfig) -> Self {
        Self::Configuration(invalid.mistakes)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
