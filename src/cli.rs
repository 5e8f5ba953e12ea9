//! The command line: one file per command group.

mod checks;
mod completion;
mod config;
mod context;
mod demo;
mod doctor;
mod export;
mod failure;
mod healthcheck;
mod import;
mod keys;
mod members;
mod migrate;
mod openapi;
mod orgs;
mod output;
mod properties;
mod serve;
mod sessions;
mod settings;
mod signing_key;
mod units;

pub use context::Context;
pub use failure::Failure;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::postgres;
use settings::{CommonFlags, Effective, ServeFlags, Settings};

/// How long a command that is done waits for threads that are not: one may wait for a database that hangs.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Stores an organization's WhatsApp chats in PostgreSQL and serves them over gRPC, gRPC-Web and REST on one port.
#[derive(Parser)]
#[command(name = "switchboard", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: CommonFlags,
}

#[derive(Subcommand)]
enum Command {
    /// Serve gRPC, gRPC-Web and REST on one port; prints one line when ready
    Serve(serve::Arguments),
    /// Bring the database's schema forward or back, or show where it is
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Organizations
    #[command(subcommand)]
    Org(orgs::Command),
    /// Members of an organization
    #[command(subcommand)]
    Member(members::Command),
    /// Api-keys of an organization
    #[command(subcommand)]
    Key(keys::Command),
    /// An organization's numbers
    #[command(subcommand)]
    Session(sessions::Command),
    /// Custom properties of an organization's chats
    #[command(subcommand)]
    Property(properties::Command),
    /// Make a demo organization with lively chats, and print how to look at them
    Demo(demo::Arguments),
    /// Store events that are given as JSON lines
    Import(import::ImportArgs),
    /// Write everything of an organization as JSON lines that `import` takes
    Export(export::ExportArgs),
    /// Show the effective settings and where each comes from
    Config(config::Arguments),
    /// Look for what is wrong with the settings, the database and the rest that `serve` needs, and say what mends it
    Doctor(doctor::Arguments),
    /// Ask a running service whether it is ready: exit code 0 when it is, 1 otherwise
    Healthcheck(healthcheck::Arguments),
    /// Print the OpenAPI 3.1 document of the REST APIs
    Openapi(openapi::Arguments),
    /// Print the completion script of a shell
    Completion(completion::Arguments),
    /// Keeps the private PostgreSQL of a data directory as long as commands use it
    #[command(name = postgres::KEEPER_COMMAND, hide = true)]
    EmbeddedPostgres { data_dir: PathBuf, binaries: PathBuf },
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    // On the main thread and with no settings: it serves commands that may have been given other ones.
    if let Command::EmbeddedPostgres { data_dir, binaries } = &cli.command {
        return Ok(postgres::keep(data_dir, binaries)?);
    }
    let no_flags = ServeFlags::default();
    let serve_flags = cli.command.serve_flags().unwrap_or(&no_flags);
    let effective = Effective::find(&cli.flags, serve_flags, std::env::vars_os());
    let settings = Settings::new(&effective)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(worker_threads()).enable_all().build()?;
    let outcome = runtime.block_on(dispatch(cli.command, &effective, &settings));
    runtime.shutdown_timeout(LAST_WAIT);
    outcome
}

/// Half the cores. About half of a call's work is done by the threads that talk to PostgreSQL, and workers that find
/// nothing to do wake each other for nothing: with one worker per core a call costs 10 to 15 % more.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

impl Command {
    fn serve_flags(&self) -> Option<&ServeFlags> {
        if let Self::Serve(serve::Arguments { flags })
        | Self::Config(config::Arguments { flags, .. })
        | Self::Doctor(doctor::Arguments { flags, .. }) = self
        {
            Some(flags)
        } else {
            None
        }
    }
}

async fn dispatch(command: Command, effective: &Effective, settings: &Settings) -> Result<(), Failure> {
    match command {
        Command::Serve(_) => serve::run(effective, settings).await,
        Command::Migrate(command) => migrate::run(command, settings).await,
        Command::Org(command) => {
            with_context(settings, async |context| orgs::run(command, context).await).await
        }
        Command::Member(command) => {
            with_context(settings, async |context| members::run(command, context).await).await
        }
        Command::Key(command) => {
            with_context(settings, async |context| keys::run(command, context).await).await
        }
        Command::Session(command) => {
            with_context(settings, async |context| sessions::run(command, context).await).await
        }
        Command::Property(command) => {
            with_context(settings, async |context| properties::run(command, context).await).await
        }
        Command::Demo(arguments) => {
            with_context(settings, async |context| demo::run(&arguments, effective, settings, context).await)
                .await
        }
        Command::Import(arguments) => {
            with_context(settings, async |context| import::run(&arguments, context).await).await
        }
        Command::Export(arguments) => {
            with_context(settings, async |context| export::run(&arguments, context).await).await
        }
        Command::Config(arguments) => config::run(&arguments, effective),
        Command::Doctor(arguments) => doctor::run(&arguments, effective, settings).await,
        Command::Healthcheck(arguments) => healthcheck::run(&arguments, settings).await,
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Completion(arguments) => completion::run(&arguments),
        Command::EmbeddedPostgres { data_dir, binaries } => Ok(postgres::keep(&data_dir, &binaries)?),
    }
}

/// Runs a command that needs the database, and gives the database up also when the command fails.
async fn with_context(
    settings: &Settings,
    command: impl AsyncFnOnce(&Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let context = Context::open(settings).await?;
    let outcome = command(&context).await;
    context.close().await;
    outcome
}
