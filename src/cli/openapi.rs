//! `switchboard openapi`: prints the OpenAPI 3.1 document of the REST APIs.

use std::error::Error;
use std::io::Write;

use clap::ValueEnum;

use crate::pb;
use crate::transcode::openapi::document;

/// Prints the OpenAPI 3.1 document of what is served over REST.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only that API; both in one document by default.
    #[arg(long, value_enum)]
    api: Option<Api>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Api {
    /// The shared inbox, under `/v1`.
    Chat,
    /// The sessions and what their numbers see, under `/api/v1`.
    Session,
}

impl Api {
    const fn service(self) -> &'static str {
        match self {
            Self::Chat => "switchboard.v1.ChatService",
            Self::Session => "switchboard.v1.SessionService",
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let document = document(pb::DESCRIPTORS, args.api.map(Api::service))?;
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &document)?;
    writeln!(stdout)?;
    Ok(())
}
