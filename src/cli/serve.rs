//! `switchboard serve`: starts the service, runs it, and shuts it down.

mod role;
mod secrets;
mod signals;

use std::convert::Infallible;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::signals::Signals;
use super::context::Database;
use super::failure::Failure;
use super::{checks, output, signing_key};
use crate::config::{Config, EffectiveSettings};
use crate::error::Kind;
use crate::server::tls::Tls;
use crate::server::{self, Health, Listener};
use crate::telemetry::{Telemetry, logs};

/// How often a pending restart of the embedded PostgreSQL is looked for.
const RESTART_POLL: Duration = Duration::from_millis(500);

pub(super) async fn run(effective: &EffectiveSettings, config: &Config) -> Result<(), Failure> {
    logs::init(&config.log_level, config.log_format)
        .map_err(|error| Failure::Configuration(vec![format!("--log-level: {error}")]))?;
    let telemetry = Telemetry::start(config.metrics_address.is_some())
        .map_err(|error| Failure::Configuration(vec![error]))?;
    checks::refuse(&checks::of_settings(config, effective))?;
    let health = Health::new();
    let metrics = serve_metrics(config, &telemetry, &health).await?;
    let database = Database::open_to_serve(config).await?;
    let outcome = serve(effective, config, &database, health).await;
    // After the last request.
    database.close().await;
    let _ = tokio::task::spawn_blocking(|| telemetry.end()).await;
    // Last, so that the shutdown can be observed.
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    outcome
}

async fn serve_metrics(
    config: &Config,
    telemetry: &Telemetry,
    health: &Health,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let (Some(address), Some(scrape)) = (&config.metrics_address, telemetry.scrape()) else {
        return Ok(None);
    };
    let listener = listen(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving metrics");
    Ok(Some(tokio::spawn(server::serve_metrics(listener, scrape, health.clone()))))
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    let listening = TcpListener::bind(address).await;
    listening.map_err(|error| Failure::new(format!("cannot listen on {address}: {error}")))
}

async fn serve(
    effective: &EffectiveSettings,
    config: &Config,
    database: &Database,
    health: Health,
) -> Result<(), Failure> {
    let prepared = database.prepare_schema().await;
    let is_pooled = config.database_direct_url.is_some();
    let unchecked_role = match &database.embedded {
        // Its role is our own.
        Some(_) => None,
        None if prepared.is_ok() && role::is_checked(&database.url, is_pooled).await? => None,
        None => Some(database.url.clone()),
    };
    match prepared {
        // The service starts without its database and is not ready until the database is.
        Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::FailedPrecondition) => {
            let reason = database.failure(error).to_string();
            tracing::warn!(reason, "the database is not available yet");
        }
        outcome => outcome.map_err(|error| database.failure(error))?,
    }
    let signing_key = signing_key::find_or_create(config)?;
    let secrets = secrets::load(effective, config, database, signing_key)?;
    let signals = Signals::new()?;
    let tls = config.tls.as_ref().map(Tls::start).transpose();
    let tls = tls.map_err(|mistake| Failure::Configuration(vec![mistake]))?;
    let tcp = listen(&config.listen).await?;
    let address = tcp.local_addr()?;
    tracing::info!(%address, "listening");
    let announcing = tokio::spawn(announce(format!("{}://{address}", config.scheme()), health.clone()));
    let (refuse, mut refused) = oneshot::channel();
    let shutdown = async {
        tokio::select! {
            () = signals.shutdown_requested(config.longest_drain()) => {}
            failure = role::refused(unchecked_role, is_pooled) => drop(refuse.send(failure)),
            never = report_restarts(database, health.clone()) => match never {},
        }
    };
    let outcome = server::run(Listener { tcp, tls }, config.clone(), secrets, health.clone(), shutdown).await;
    announcing.abort();
    if let Ok(failure) = refused.try_recv() {
        return Err(failure);
    }
    Ok(outcome?)
}

/// Fails readiness while the embedded PostgreSQL is about to be restarted.
async fn report_restarts(database: &Database, health: Health) -> Infallible {
    let Some(embedded) = &database.embedded else { return std::future::pending().await };
    loop {
        health.set_database_restarting(embedded.is_restarting());
        tokio::time::sleep(RESTART_POLL).await;
    }
}

/// Prints the one line when the service is ready.
async fn announce(url: String, health: Health) {
    health.until_ready().await;
    if let Err(failure) = output::value(format_args!("switchboard is ready on {url}")) {
        tracing::warn!(?failure, "cannot print that the service is ready");
    }
}
