//! What the service tells its operator: lines on stderr, for people on a terminal and as JSON everywhere else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is logged when nothing else is said.
pub const DEFAULT_FILTER: &str = "info";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON everywhere else.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A log filter that cannot be read. Its display says what is wrong with it.
#[derive(Debug)]
pub struct InvalidFilter(String);

impl std::fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a log filter such as `info` or `switchboard=debug,info`: {}", self.0)
    }
}

impl std::error::Error for InvalidFilter {}

/// Starts logging for the whole process. The filter is a level, or the directives `RUST_LOG` takes. Where logging was
/// started before (by a test, or by the program we are part of), that one stays.
pub fn init(filter: &str, format: LogFormat) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(filter).map_err(|error| InvalidFilter(error.to_string()))?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Fields of the enclosing request (its id) come with every line in both formats.
    let is_terminal = std::io::stderr().is_terminal();
    let _ = if format == LogFormat::Text || (format == LogFormat::Auto && is_terminal) {
        lines.with_ansi(is_terminal).try_init()
    } else {
        lines
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init()
    };
    Ok(())
}

/// An error and what is behind it, down to the first cause, in one line. For the log, never for a caller.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
