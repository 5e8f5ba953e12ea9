//! The command line: one file per command group.

mod arguments;
mod checks;
mod completion;
mod config;
mod connections;
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
mod note;
mod openapi;
mod orgs;
mod output;
mod properties;
mod serve;
mod sessions;
mod signing_key;

pub use context::Context;
pub use failure::Failure;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self as settings, Config, EffectiveSettings};

/// How long the process waits at its end for blocking threads, which a database that hangs may hold up.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Stores an organization's WhatsApp chats in PostgreSQL and serves them over gRPC, gRPC-Web and REST on one port.
#[derive(Parser)]
#[command(name = "switchboard", version, after_help = failure::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve gRPC, gRPC-Web and REST on one port; prints one line when ready
    Serve,
    /// Migrate the database schema up or down, or show its state
    #[command(subcommand)]
    Migrate(migrate::Command),
    #[command(flatten)]
    Data(DataCommand),
    /// Show the effective settings and where each comes from
    Config(arguments::JsonArgument),
    /// Check the settings, the database and the files that `serve` needs, and print how to fix each problem
    Doctor(arguments::JsonArgument),
    /// Check whether a running service is ready: exit code 0 when it is, else 1
    Healthcheck(healthcheck::Arguments),
    /// Print the OpenAPI 3.1 document of the REST APIs
    Openapi(openapi::Arguments),
    /// Print the completion script of a shell
    Completion(completion::Arguments),
    /// Supervise the embedded PostgreSQL of a data directory while commands use it
    #[command(name = embedded_postgres::SUPERVISOR_COMMAND, hide = true)]
    EmbeddedPostgres { data_dir: PathBuf, binaries: PathBuf },
}

/// Commands that work on a database with a current schema.
#[derive(Subcommand)]
enum DataCommand {
    /// Manage organizations
    #[command(subcommand)]
    Org(orgs::Command),
    /// Manage the members of an organization
    #[command(subcommand)]
    Member(members::Command),
    /// Manage the API keys of an organization
    #[command(subcommand)]
    Key(keys::Command),
    /// Manage the sessions of an organization: its WhatsApp numbers
    #[command(subcommand)]
    Session(sessions::Command),
    /// Manage the custom properties of an organization's chats
    #[command(subcommand)]
    Property(properties::Command),
    /// Manage the connections of an organization's sessions to WhatsApp gateways
    #[command(subcommand)]
    Connection(connections::Command),
    /// Create a demo organization with a few hundred chats, and print how to try it
    Demo(demo::Arguments),
    /// Store events that are given as JSON lines
    Import(import::ImportArgs),
    /// Write all data of an organization as JSON lines that `import` reads
    Export(export::ExportArgs),
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The command line with the flags of all settings.
fn command_line() -> clap::Command {
    let common = Cli::command().args(settings::flags(false));
    ["serve", "config", "doctor"].into_iter().fold(common, |command, name| {
        command.mut_subcommand(name, |command| command.args(settings::flags(true)))
    })
}

fn run() -> Result<(), Failure> {
    let matches = command_line().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // Without settings: it serves commands that may have other ones. On the main thread, as it requires.
    if let Command::EmbeddedPostgres { data_dir, binaries } = &cli.command {
        return Ok(embedded_postgres::supervise(data_dir, binaries)?);
    }
    let effective = EffectiveSettings::find(&settings::given(&matches), std::env::vars_os());
    let config = effective.config()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(worker_threads()).enable_all().build()?;
    let outcome = runtime.block_on(dispatch(cli.command, &effective, &config));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    outcome
}

/// Half the cores. About half of a request's work runs on the threads that talk to PostgreSQL, and idle workers wake each
/// other: with one worker per core a request costs 10 to 15 % more.
fn worker_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

async fn dispatch(command: Command, effective: &EffectiveSettings, config: &Config) -> Result<(), Failure> {
    match command {
        Command::Serve => serve::run(effective, config).await,
        Command::Migrate(command) => migrate::run(command, config).await,
        Command::Data(command) => {
            let context = Context::open(config).await?;
            let outcome = run_on_data(command, effective, config, &context).await;
            context.close().await;
            outcome
        }
        Command::Config(arguments) => config::run(&arguments, effective),
        Command::Doctor(arguments) => doctor::run(&arguments, effective, config).await,
        Command::Healthcheck(arguments) => healthcheck::run(&arguments, config).await,
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Completion(arguments) => completion::run(&arguments, command_line()),
        Command::EmbeddedPostgres { data_dir, binaries } => {
            Ok(embedded_postgres::supervise(&data_dir, &binaries)?)
        }
    }
}

async fn run_on_data(
    command: DataCommand,
    effective: &EffectiveSettings,
    config: &Config,
    context: &Context,
) -> Result<(), Failure> {
    match command {
        DataCommand::Org(command) => orgs::run(command, context).await,
        DataCommand::Member(command) => members::run(command, context).await,
        DataCommand::Key(command) => keys::run(command, context).await,
        DataCommand::Session(command) => sessions::run(command, context).await,
        DataCommand::Property(command) => properties::run(command, context).await,
        DataCommand::Connection(command) => connections::run(command, config, context).await,
        DataCommand::Demo(arguments) => demo::run(&arguments, effective, config, context).await,
        DataCommand::Import(arguments) => import::run(&arguments, context).await,
        DataCommand::Export(arguments) => export::run(&arguments, context).await,
    }
}
