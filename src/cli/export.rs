//! `switchboard export`: everything of an organization as JSON lines that `import` takes.

mod lines;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use self::lines::Lines;
use super::{Context, Failure, output};
use crate::actions::ingest::export::{self, Scope};
use crate::actions::ingest::{Event, IngestEvent};
use crate::ids::{OrgId, SessionId};

/// Chunks of events that wait to be written.
const WAITING: usize = 8;

/// What `export` is told.
#[derive(Args)]
#[command(
    after_help = "Written are numbers, members, labels, properties, contacts, chats with what the organization made \
of them, messages and receipts, as they are at one moment. Left out are api-keys, whose secrets nobody knows, and the \
history of changes. The file holds messages and phone numbers: keep it as you keep the database."
)]
pub struct ExportArgs {
    /// File to write, gzipped when its name ends in .gz; `-`, and when left out, standard output
    file: Option<PathBuf>,
    /// The organization
    #[arg(long, value_name = "ORG_ID")]
    org: OrgId,
    /// Only what this number holds, with the members, labels and properties of the whole organization
    #[arg(long, value_name = "SESSION_ID")]
    session: Option<SessionId>,
}

/// Exports. Events that do not fit into a line are told on standard error and stop nothing; at the end they are a failure.
pub async fn run(args: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let scope = Scope { org: args.org, session: args.session };
    let bar = bar(export::messages_in(&context.store, scope).await?);
    // Not before it is known that there is something to write.
    let lines = Lines::to(args.file.as_deref())?;
    let (listener, told) = mpsc::channel(WAITING);
    let own_bar = bar.clone();
    let writing = tokio::task::spawn_blocking(move || write(told, lines, &own_bar));
    let outcome = export::tell(&context.store, scope, listener).await;
    let written = writing.await.map_err(|error| Failure::new(error.to_string()))?;
    bar.finish_and_clear();
    // That nobody listened any more says less than why.
    let (events, too_long) = written?;
    outcome?;
    eprintln!("exported {}", output::counted(events, "event"));
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

/// Answers how many events were written, and how many do not fit into a line. An export that is cut short is a failure,
/// whatever reads it; of a reader that has seen enough, such as `head`, nothing is said.
fn write(
    mut told: mpsc::Receiver<Vec<IngestEvent>>,
    mut lines: Lines,
    bar: &ProgressBar,
) -> Result<(u64, u64), Failure> {
    while let Some(events) = told.blocking_recv() {
        for event in events {
            bar.inc(u64::from(matches!(event.event, Event::Message(_))));
            lines.write(event).map_err(broken)?;
        }
    }
    lines.finish().map_err(broken)
}

fn broken(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::CutShort;
    }
    Failure::new(format!("cannot write: {error}"))
}
