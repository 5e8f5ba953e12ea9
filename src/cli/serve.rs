//! `switchboard serve`: the service, from its settings to its orderly end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::context::Database;
use super::settings::{ServeFlags, Settings};
use super::{Failure, cursor_key, healthcheck, output};
use crate::error::Kind;
use crate::server::{self, ServeError};
use crate::telemetry;

/// How long an end may take beyond its own limits: the private PostgreSQL stops after the last call.
const LATE: Duration = Duration::from_secs(20);

const READINESS_POLL: Duration = Duration::from_millis(20);

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) flags: ServeFlags,
}

pub(super) async fn run(settings: &Settings) -> Result<(), Failure> {
    telemetry::init(&settings.log_filter, settings.log_format)
        .map_err(|error| Failure::Configuration(vec![format!("--log-level: {error}")]))?;
    cursor_key::require(settings)?;
    let database = Database::open(settings).await?;
    let outcome = serve(settings, &database).await;
    // The private database goes last: calls in flight have ended by now.
    database.close().await;
    outcome
}

async fn serve(settings: &Settings, database: &Database) -> Result<(), Failure> {
    match database.prepare_schema().await {
        // It may come later, and go at any time: the service says that it is not ready, and waits.
        Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::FailedPrecondition) => {
            let Failure::Failed(reason) = database.failure(error) else { return Ok(()) };
            tracing::warn!(reason, "the database cannot be used yet");
        }
        outcome => outcome.map_err(|error| database.failure(error))?,
    }
    let cursor_key = cursor_key::find_or_create(settings)?;
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(&settings.listen)
        .await
        .map_err(|error| Failure::new(format!("cannot listen on {}: {error}", settings.listen)))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let announcing = tokio::spawn(announce(address));
    let config = settings.config(database.url.clone(), cursor_key);
    let outcome =
        server::run(listener, config, told_to_stop(terminate, interrupt, settings.longest_drain())).await;
    announcing.abort();
    outcome.map_err(|error| match error {
        ServeError::Config(invalid) => Failure::Configuration(invalid.mistakes),
        error @ ServeError::Setup(_) => Failure::new(error.to_string()),
    })
}

/// Completes with the first signal. From then on a second one, or an end that takes far too long, ends the process at
/// once.
async fn told_to_stop(mut terminate: Signal, mut interrupt: Signal, longest_drain: Duration) {
    told(&mut terminate, &mut interrupt).await;
    tracing::info!("told to stop");
    // Not a task: it must end a runtime that is stuck, too.
    std::thread::spawn(move || {
        let end = Instant::now() + longest_drain + LATE;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            std::thread::park_timeout(left);
        }
        std::process::exit(1);
    });
    tokio::spawn(async move {
        let signal = told(&mut terminate, &mut interrupt).await;
        std::process::exit(128 + signal);
    });
}

/// The number of the next signal.
async fn told(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    let kind = tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    };
    kind.as_raw_value()
}

/// Prints the one line when the service says itself that it is ready.
async fn announce(address: SocketAddr) {
    let Ok(url) = healthcheck::own_url(&address.to_string()) else { return };
    while healthcheck::ask(&url).await.is_err() {
        tokio::time::sleep(READINESS_POLL).await;
    }
    if let Err(failure) = output::value(format_args!("switchboard is ready on http://{address}")) {
        tracing::warn!(?failure, "could not say that the service is ready");
    }
}
