//! `switchboard serve`: the service, from its settings to its orderly end.

mod secrets;

use std::time::{Duration, Instant};

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::context::Database;
use super::settings::{Effective, ServeFlags, Settings};
use super::{Failure, checks, output, signing_key};
use crate::config::Secret;
use crate::error::Kind;
use crate::server::{self, Health, ServeError};
use crate::store::preflight;
use crate::telemetry::{Telemetry, logs};

/// How long an end may take beyond its own limits: the private PostgreSQL stops after the last call.
const LATE: Duration = Duration::from_secs(20);

/// How often a database that is not there yet is asked for its role.
const ROLE_POLL: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) flags: ServeFlags,
}

pub(super) async fn run(effective: &Effective, settings: &Settings) -> Result<(), Failure> {
    logs::init(&settings.log_filter, settings.log_format)
        .map_err(|error| Failure::Configuration(vec![format!("--log-level: {error}")]))?;
    let telemetry = Telemetry::start(settings.metrics_address.is_some())
        .map_err(|error| Failure::Configuration(vec![error.to_string()]))?;
    checks::refuse(&checks::of_settings(settings, effective))?;
    let health = Health::new();
    let scraped = serve_metrics(settings, &telemetry, &health).await?;
    let database = Database::open(settings).await?;
    let outcome = serve(effective, settings, &database, health).await;
    // The private database goes late: calls in flight have ended by now.
    database.close().await;
    let _ = tokio::task::spawn_blocking(|| telemetry.end()).await;
    // Last, so that the end can be watched.
    if let Some(scraped) = scraped {
        scraped.abort();
    }
    outcome
}

/// Serves metrics where the settings say, if they do.
async fn serve_metrics(
    settings: &Settings,
    telemetry: &Telemetry,
    health: &Health,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let (Some(address), Some(scrape)) = (&settings.metrics_address, telemetry.scrape()) else {
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
    effective: &Effective,
    settings: &Settings,
    database: &Database,
    health: Health,
) -> Result<(), Failure> {
    let prepared = database.prepare_schema().await;
    let role = match &database.embedded {
        // Its role is this program's own, and may do everything.
        Some(_) => None,
        None if prepared.is_ok() => unknown_role(&database.url).await?,
        None => Some(database.url.clone()),
    };
    match prepared {
        // It may come later, and go at any time: the service says that it is not ready, and waits.
        Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::FailedPrecondition) => {
            let Failure::Failed(reason) = database.failure(error) else { return Ok(()) };
            tracing::warn!(reason, "the database cannot be used yet");
        }
        outcome => outcome.map_err(|error| database.failure(error))?,
    }
    let signing_key = signing_key::find_or_create(settings)?;
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = listen(&settings.listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let announcing = tokio::spawn(announce(format!("{}://{address}", settings.scheme()), health.clone()));
    let config = settings.config(database.url.clone(), signing_key);
    let following = tokio::spawn(secrets::follow(effective.clone(), config.clone()));
    let told_to_stop = told_to_stop(terminate, interrupt, settings.longest_drain());
    let (refuse, mut refused) = oneshot::channel();
    let shutdown = async {
        tokio::select! {
            () = told_to_stop => {}
            failure = refused_role(role) => drop(refuse.send(failure)),
        }
    };
    let outcome = server::run(listener, config, health, shutdown).await;
    announcing.abort();
    following.abort();
    if let Ok(failure) = refused.try_recv() {
        return Err(failure);
    }
    outcome.map_err(|error| match error {
        ServeError::Config(invalid) => Failure::Configuration(invalid.mistakes),
        error @ ServeError::Setup(_) => Failure::new(error.to_string()),
    })
}

/// Refuses a role that must not be used. Where that is not known yet, says of which database.
async fn unknown_role(database_url: &Secret) -> Result<Option<Secret>, Failure> {
    match preflight::row_security(database_url).await {
        Ok(known @ Some(_)) => checks::refuse(&[checks::of_role(known)]).map(|()| None),
        Ok(None) | Err(_) => Ok(Some(database_url.clone())),
    }
}

/// Completes when a database that was not there at the start, or was empty, is there and its role must not be used.
async fn refused_role(mut unknown: Option<Secret>) -> Failure {
    while let Some(database_url) = &unknown {
        tokio::time::sleep(ROLE_POLL).await;
        match unknown_role(database_url).await {
            Ok(still) => unknown = still,
            Err(failure) => return failure,
        }
    }
    std::future::pending().await
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

/// Prints the one line when the service is ready.
async fn announce(url: String, health: Health) {
    health.until_ready().await;
    if let Err(failure) = output::value(format_args!("switchboard is ready on {url}")) {
        tracing::warn!(?failure, "could not say that the service is ready");
    }
}
