//! `switchboard import`: reads events as JSON lines and stores them.

mod lines;
mod pipeline;
mod progress;
mod rejections;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use self::lines::Lines;
use self::progress::Progress;
use super::{Context, Failure, output};
use crate::actions::ingest::SessionScope;
use crate::actions::orgs;
use crate::ids::OrgId;

/// Arguments of `import`.
#[derive(Args)]
#[command(after_help = "\
Each line has a session and one kind of event. Instants are Unix milliseconds or seconds; absent fields stay as they are:

  {\"session\":\"15550100400\",\"chat\":{\"jid\":\"15550101844@s.whatsapp.net\",\"type\":\"dm\",\"pinned\":true}}

Events of a session: contact, chat, message, edit, reaction, receipt, deleteMessage, read, unread, memberChange,
address, status.
The organization's own data of a chat: inbox (assignedTo, labels, customProperties, access).
Records of the organization, added when missing: number, and without `session` member, label, property.
Every field is described in ingest.proto. `switchboard export` writes such lines.")]
pub struct ImportArgs {
    /// File of events, one JSON object a line, also gzipped; `-` for standard input
    file: PathBuf,
    /// The organization to import into
    #[arg(long, value_name = "ORG_ID")]
    org: OrgId,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    imported: u64,
    rejected: u64,
    seconds: f64,
}

/// Imports the file. Rejected lines are printed to standard error and make the import fail at its end.
pub async fn run(args: &ImportArgs, context: &Context) -> Result<(), Failure> {
    orgs::require(&context.store, args.org).await?;
    let started = Instant::now();
    let (progress, lines) = open(&args.file)?;
    let scope = SessionScope::all(args.org).keeping_deleted_text(context.keep_deleted_text);
    let outcome = pipeline::run(&context.store, scope, lines, progress.clone()).await;
    progress.finish();

    let (imported, rejected) = progress.counts();
    let summary = Summary { imported, rejected, seconds: started.elapsed().as_secs_f64() };
    if args.json {
        output::json(&summary)?;
    } else {
        output::value(format_args!(
            "imported {}, rejected {rejected}, in {:.1} s",
            output::counted(imported, "event"),
            summary.seconds
        ))?;
    }
    // The summary is printed even when the import failed.
    outcome?;
    context.analyze().await?;
    match rejected {
        0 => Ok(()),
        1 => Err(Failure::new("1 line was rejected")),
        _ => Err(Failure::new(format!("{rejected} lines were rejected"))),
    }
}

fn open(path: &Path) -> Result<(Progress, Lines), Failure> {
    if path.as_os_str() == "-" {
        return Ok((Progress::of_unknown_size(), Lines::new("standard input".to_owned(), io::stdin())?));
    }
    let failure = |error: io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failure)?;
    let progress = Progress::of_bytes(file.metadata().map_err(failure)?.len());
    let lines = Lines::new(path.display().to_string(), progress.watch(file))?;
    Ok((progress, lines))
}
