//! `switchboard serve`: the service, from its settings to its orderly end.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::context::Database;
use super::settings::{ServeFlags, Settings};
use super::{Failure, cursor_key, healthcheck, output};
use crate::error::Kind;
use crate::server::{self, ServeError};
use crate::telemetry;

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
        Err(error) if error.kind() == Kind::Unavailable => {
            let Failure::Failed(reason) = database.failure(error) else { return Ok(()) };
            tracing::warn!(reason, "the database cannot be reached yet");
        }
        outcome => outcome.map_err(|error| database.failure(error))?,
    }
    let cursor_key = cursor_key::find_or_create(settings)?;
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(&settings.listen)
        .await
        .map_err(|error| Failure::new(format!("cannot listen on {}: {error}", settings.listen)))?;
    let announcing = tokio::spawn(announce(listener.local_addr()?));
    let config = settings.config(database.url.clone(), cursor_key);
    let outcome = server::run(listener, config, told_to_stop(terminate, interrupt)).await;
    announcing.abort();
    outcome.map_err(|error| match error {
        ServeError::Config(invalid) => Failure::Configuration(invalid.mistakes),
        error @ ServeError::Setup(_) => Failure::new(error.to_string()),
    })
}

async fn told_to_stop(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("told to stop");
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
