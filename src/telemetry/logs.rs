//! Log lines on stderr, for people on a terminal and as JSON everywhere else.

use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::current;

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
    let filter = EnvFilter::try_new(of_ours(filter)).map_err(|error| InvalidFilter(error.to_string()))?;
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let format_of_lines = Format::default().with_target(false);
    let _ = if format == LogFormat::Text || (format == LogFormat::Auto && is_terminal) {
        lines.event_format(WithCall::text(format_of_lines.with_ansi(is_terminal))).try_init()
    } else {
        let json = format_of_lines.with_ansi(false).json().flatten_event(true);
        let json = json.with_current_span(false).with_span_list(false);
        lines
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(WithCall::json(json))
            .try_init()
    };
    Ok(())
}

/// A level is meant of this program. Libraries are told of at most their warnings: what they say at lower levels holds
/// headers and bodies. Whoever wants that names the library.
fn of_ours(filter: &str) -> String {
    match filter {
        "info" | "debug" | "trace" => format!("warn,switchboard={filter}"),
        directives => directives.to_owned(),
    }
}

/// Adds the ids of the present call to each line.
struct WithCall<F> {
    format: F,
    is_json: bool,
}

impl<F> WithCall<F> {
    fn text(format: F) -> Self {
        Self { format, is_json: false }
    }

    fn json(format: F) -> Self {
        Self { format, is_json: true }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithCall<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let ids = current::look(|call| match (self.is_json, call.trace_id()) {
            (true, Some(trace)) => format!(r#""request_id":"{}","trace_id":"{trace}","#, call.request_id()),
            (true, None) => format!(r#""request_id":"{}","#, call.request_id()),
            (false, Some(trace)) => format!(" request_id={} trace_id={trace}", call.request_id()),
            (false, None) => format!(" request_id={}", call.request_id()),
        });
        let Some(ids) = ids else { return self.format.format_event(context, writer, event) };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        if self.is_json {
            // Ids are made of characters that need no escape.
            writeln!(writer, "{{{ids}{}", line.trim_end().trim_start_matches('{'))
        } else {
            writeln!(writer, "{}{ids}", line.trim_end())
        }
    }
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
