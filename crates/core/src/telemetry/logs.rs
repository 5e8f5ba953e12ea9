//! Log lines on stderr: text on a terminal, JSON elsewhere.

use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::current;

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Starts logging for the whole process, unless a test has started it. The filter is a level or directives as in
/// `RUST_LOG`; returns what it must be where it is not.
pub fn init(filter: &str, format: LogFormat) -> Result<(), String> {
    let expected = "must be a log filter such as `info` or `switchboard=debug,info`";
    let filter: Targets = directives(filter).parse().map_err(|error| format!("{expected}: {error}"))?;
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr);
    let format_of_lines = Format::default().with_target(false);
    let _ = if format == LogFormat::Text || (format == LogFormat::Auto && is_terminal) {
        let format = format_of_lines.with_ansi(is_terminal);
        lines.event_format(WithRequest { format, is_json: false }).finish().with(filter).try_init()
    } else {
        let json = format_of_lines.with_ansi(false).json().flatten_event(true);
        let format = json.with_current_span(false).with_span_list(false);
        let lines = lines.fmt_fields(JsonFields::new()).event_format(WithRequest { format, is_json: true });
        lines.finish().with(filter).try_init()
    };
    Ok(())
}

/// A level applies to this program. Libraries log warnings only, because their lower levels contain headers and bodies; a
/// directive that names a library overrides this.
fn directives(filter: &str) -> String {
    match filter {
        "info" | "debug" | "trace" => format!("warn,switchboard={filter}"),
        given => given.to_owned(),
    }
}

/// Adds the ids of the current request to each line.
struct WithRequest<F> {
    format: F,
    is_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
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
        let ids = current::with(|request| match (self.is_json, request.trace_id()) {
            (true, Some(trace)) => {
                format!(r#""request_id":"{}","trace_id":"{trace}","#, request.request_id())
            }
            (true, None) => format!(r#""request_id":"{}","#, request.request_id()),
            (false, Some(trace)) => format!(" request_id={} trace_id={trace}", request.request_id()),
            (false, None) => format!(" request_id={}", request.request_id()),
        });
        let Some(ids) = ids else { return self.format.format_event(context, writer, event) };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        if self.is_json {
            // Ids need no escapes.
            writeln!(writer, "{{{ids}{}", line.trim_end().trim_start_matches('{'))
        } else {
            writeln!(writer, "{}{ids}", line.trim_end())
        }
    }
}

/// An error and its causes in one line. For logs only, never for clients.
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
