//! The service as a whole: one listener, three protocols (gRPC, gRPC-Web, REST), and an orderly end.

mod admission;
mod around;
mod compression;
mod connection;
mod cors;
mod deadline;
mod docs;
mod documents;
mod guard;
mod health;
mod housekeeping;
mod inbox;
mod layers;
mod limits;
mod linger;
mod metrics;
mod observe;
mod protocol;
mod rate_limit;
mod request_id;
mod router;
mod services;
pub mod tls;
mod webhooks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::connection::{Bounds, Listener};
use self::documents::Documents;
use self::router::Router;
use self::tls::Tls;
use self::webhooks::Postman;
use crate::actions::commands::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Dispatcher;
use crate::auth::Authenticator;
use crate::config::{Config, InvalidConfig};
use crate::store::{PoolOptions, Store};

type Request = http::Request<Body>;
type Response = http::Response<Body>;
type BoxFuture = std::pin::Pin<Box<dyn Future<Output = Result<Response, std::convert::Infallible>> + Send>>;

/// Why the service could not start, or stopped by itself.
#[derive(Debug)]
pub enum ServeError {
    /// The settings cannot work.
    Config(InvalidConfig),
    /// A part of the service could not be put together: a fault of the build.
    Setup(Box<dyn std::error::Error + Send + Sync>),
}

impl ServeError {
    fn setup(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Setup(error.into())
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Setup(error) => write!(f, "could not put the service together: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Serves every protocol on the listener until `shutdown` completes. Then it says that it is not ready and goes on for
/// `config.drain_delay`, closes, and lets calls in flight finish for at most `config.drain_timeout`.
///
/// The database need not be there: until it is, calls answer 503 and `/readyz` says why. So does `health`, to whoever else
/// has it.
pub async fn run(
    listener: TcpListener,
    config: Config,
    health: Health,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    config.validate().map_err(ServeError::Config)?;
    let tls = config.tls.as_ref().map(Tls::start).transpose();
    let tls = tls.map_err(|mistake| ServeError::Config(InvalidConfig { mistakes: vec![mistake] }))?;
    let listener = Listener { tcp: listener, tls };
    let store = Store::new(&config.database_url, pool_options(&config));
    health.watch(Store::new(&config.database_url, OF_PROBES));
    let closing = CancellationToken::new();
    let watches = Publisher::new(store.clone(), &config, closing.clone());
    let bells = CommandNotifier::new(store.clone());
    let services = services::compose(&store, &config, &watches, &bells, &health, &closing)?;
    let callers = Store::new(&config.database_url, PoolOptions { size: OF_CALLERS, ..pool_options(&config) });
    let authenticator = Arc::new(Authenticator::new(&callers, config.jwt.as_ref()));
    let stack =
        layers::stack(Router::new(services, Documents::compose(), health.clone()), authenticator, &config);
    let measuring = tokio::spawn(housekeeping::measure(store.clone()));
    let housekeeping = tokio::spawn(housekeeping::keep(store, config.event_retention));
    let watching = tokio::spawn(watches.run());
    let ringing = tokio::spawn(bells.run());
    let dispatching = tokio::spawn(dispatcher(&config, closing.clone()).run());
    connection::serve(listener, stack, shutdown, || health.draining(), closing, bounds(&config)).await;
    // It ends by itself, with what was posted answered: what is cut off is posted again, and later.
    let _ = tokio::time::timeout(config.webhooks.timeout.min(config.drain_timeout), dispatching).await;
    measuring.abort();
    housekeeping.abort();
    watching.abort();
    ringing.abort();
    Ok(())
}

pub use health::Health;
pub use metrics::serve as serve_metrics;

/// What the probes may ask of the database: a connection of their own, since to have much to do is not to be unwell.
const OF_PROBES: PoolOptions = PoolOptions {
    size: 1,
    acquire_timeout: Duration::from_secs(1),
    statement_timeout: Some(Duration::from_secs(1)),
};

/// Connections for asking who is calling: every call of a key waits for the answer, which must not wait for calls. With
/// more calls than the database carries it would come too late for all of them, also for those that there is room for.
const OF_CALLERS: u32 = 2;

/// Connections for telling webhooks: few, so that calls and webhooks do not wait for each other.
const OF_WEBHOOKS: u32 = 2;

/// A connection for what other instances tell.
const OF_BELL: u32 = 1;

/// Connections for connectors, of a service that has so many for calls.
fn of_connectors(of_calls: u32) -> u32 {
    (of_calls / 2).max(1)
}

/// How many connections one instance opens at most that has so many for calls.
pub fn database_pool_size(of_calls: u32) -> u32 {
    let others = of_connectors(of_calls) + OF_PROBES.size + OF_CALLERS + OF_WEBHOOKS + OF_BELL;
    of_calls.saturating_add(others)
}

/// Tells webhooks of changes until `closing` is cancelled.
fn dispatcher(config: &Config, closing: CancellationToken) -> Dispatcher<Postman> {
    let store = Store::new(&config.database_url, PoolOptions::background(OF_WEBHOOKS));
    Dispatcher::new(
        store,
        config.signing_keys.clone(),
        config.webhooks,
        Postman::new(&config.webhooks),
        closing,
    )
}

fn bounds(config: &Config) -> Bounds {
    Bounds {
        connections: config.max_connections,
        age: config.max_connection_age,
        first_request: connection::FIRST_REQUEST,
        unread: connection::UNREAD,
        detect: config.drain_delay,
        grace: config.drain_timeout,
    }
}

/// What the service may ask of the database for one call. A statement that outlives every deadline serves nobody.
fn pool_options(config: &Config) -> PoolOptions {
    PoolOptions {
        size: config.database_pool_size,
        acquire_timeout: config.database_acquire_timeout,
        statement_timeout: Some(config.request_timeout),
    }
}

#[cfg(test)]
mod tests;
