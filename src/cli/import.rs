//! `switchboard import`: reads events as JSON lines and stores them.

mod lines;
mod pipeline;
mod progress;
mod refusals;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use self::lines::Lines;
use self::progress::Progress;
use super::{Context, Failure, output};
use crate::actions::orgs;
use crate::ids::OrgId;

/// What `import` is told.
#[derive(Args)]
#[command(after_help = "\
Each line has the number it is about and one kind of event, with instants in Unix milliseconds and unset fields left out:

  {\"session\":\"15550100400\",\"chat\":{\"jid\":\"15550101844@s.whatsapp.net\",\"type\":\"dm\",\"pinned\":true}}

What connectors see: contact, chat, message, receipt, read, unread, address, deleteMessage, status.
What the organization made of a chat: inbox (assignedTo, labels, customProperties, access).
What it is made of, each left as it is where it is there already: number, and without `session` member, label, property.
Every field is described in ingest.proto. `switchboard export` writes such lines.")]
pub struct ImportArgs {
    /// File of events, one JSON object a line, also gzipped; `-` for standard input
    file: PathBuf,
    /// The organization whose numbers the events come from
    #[arg(long, value_name = "ORG_ID")]
    org: OrgId,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Summary {
    imported: u64,
    refused: u64,
    seconds: f64,
}

/// Imports the file. Lines that are refused are told on standard error and stop nothing; at the end they are a failure.
pub async fn run(args: &ImportArgs, context: &Context) -> Result<(), Failure> {
    orgs::require(&context.store, args.org).await?;
    let started = Instant::now();
    let (progress, lines) = open(&args.file)?;
    let outcome = pipeline::run(&context.store, args.org, lines, progress.clone()).await;
    progress.finish();

    let (imported, refused) = progress.counts();
    let summary = Summary { imported, refused, seconds: started.elapsed().as_secs_f64() };
    if args.json {
        output::json(&summary)?;
    } else {
        output::value(format_args!(
            "imported {}, refused {refused}, in {:.1} s",
            output::counted(imported, "event"),
            summary.seconds
        ))?;
    }
    // How far it came is told first.
    outcome?;
    match refused {
        0 => Ok(()),
        1 => Err(Failure::new("1 line was refused")),
        _ => Err(Failure::new(format!("{refused} lines were refused"))),
    }
}

fn open(path: &Path) -> Result<(Progress, Lines), Failure> {
    if path.as_os_str() == "-" {
        return Ok((Progress::endless(), Lines::new("standard input".to_owned(), io::stdin())?));
    }
    let failure = |error: io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failure)?;
    let progress = Progress::of_bytes(file.metadata().map_err(failure)?.len());
    let lines = Lines::new(path.display().to_string(), progress.watch(file))?;
    Ok((progress, lines))
}
