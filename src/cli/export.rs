//! `switchboard export`: writes an organization as JSON lines that `import` reads.

mod lines;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use self::lines::Lines;
use super::note::note;
use super::{Context, Failure, output};
use crate::actions::ingest::IngestEvent;
use crate::actions::ingest::export::{self, Scope};
use crate::ids::{OrgId, SessionId};
use crate::pb::ingest_event::Event;

/// Chunks of events that wait to be written.
const QUEUE: usize = 8;

/// Arguments of `export`.
#[derive(Args)]
#[command(
    after_help = "Exports sessions, members, labels, properties, contacts, chats with the organization's own data, \
messages and receipts, as of one moment. Api-keys, whose secrets are not stored, and history are left out. The file holds \
messages and phone numbers: protect it as you protect the database."
)]
pub struct ExportArgs {
    /// File to write, gzipped when its name ends in .gz; `-`, and when left out, standard output
    file: Option<PathBuf>,
    /// The organization to export
    #[arg(long, value_name = "ORG_ID")]
    org: OrgId,
    /// Export only this session, with the members, labels and properties of the whole organization
    #[arg(long, value_name = "SESSION_ID")]
    session: Option<SessionId>,
}

/// Exports. Events too long for a line are reported on standard error and make the export fail at its end.
pub async fn run(args: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let scope = Scope { org: args.org, session: args.session };
    let bar = bar(export::messages_in(&context.store, scope).await?);
    // The file is created once the organization is known to exist.
    let lines = Lines::create(args.file.as_deref())?;
    let (sender, events) = mpsc::channel(QUEUE);
    let own_bar = bar.clone();
    let writing = tokio::task::spawn_blocking(move || write(events, lines, &own_bar));
    let outcome = export::export(&context.store, scope, sender).await;
    let written = writing.await.map_err(|error| Failure::new(error.to_string()))?;
    bar.finish_and_clear();
    // A write error is the cause of the error that the closed channel produces.
    let (events, too_long) = written?;
    outcome?;
    note(format_args!("exported {}", output::counted(events, "event")));
    match too_long {
        0 => Ok(()),
        1 => Err(Failure::new("1 event does not fit into a line")),
        _ => Err(Failure::new(format!("{too_long} events do not fit into a line"))),
    }
}

fn bar(messages: u64) -> ProgressBar {
    let bar = ProgressBar::new(messages);
    let style = ProgressStyle::with_template("{bar:40} {percent}% {pos} of {len} messages, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Returns the number of events that were written, and of those that do not fit into a line.
fn write(
    mut chunks: mpsc::Receiver<Vec<IngestEvent>>,
    mut lines: Lines,
    bar: &ProgressBar,
) -> Result<(u64, u64), Failure> {
    while let Some(events) = chunks.blocking_recv() {
        for event in events {
            bar.inc(u64::from(matches!(event.event, Some(Event::Message(_)))));
            lines.write(&event).map_err(write_error)?;
        }
    }
    lines.finish().map_err(write_error)
}

/// A reader that closes the pipe early, such as `head`, makes the export fail without a message.
fn write_error(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::Truncated;
    }
    Failure::new(format!("cannot write: {error}"))
}
