//! The service as a whole: one listener, three protocols (gRPC, gRPC-Web, REST), and an orderly end.

mod background;
mod listener;
mod pages;
mod pools;
mod probes;
mod protocols;
mod serve_error;
mod stack;
mod types;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::background::housekeeping;
use self::background::webhooks::Postman;
use self::listener::tls::Tls;
use self::listener::{Bounds, Listener};
use self::pages::Documents;
use self::protocols::Router;
use self::protocols::services;
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Dispatcher;
use crate::auth::Authenticator;
use crate::config::{Config, InvalidConfig, Secrets};
use crate::store::{PoolOptions, Store};

pub use self::listener::tls;
pub use self::pools::database_pool_size;
pub use self::probes::Health;
pub use self::probes::metrics_server::serve as serve_metrics;
pub use self::serve_error::ServeError;

/// Serves every protocol on the listener until `shutdown` completes. Then it says that it is not ready and goes on for
/// `config.drain_delay`, closes, and lets calls in flight finish for at most `config.drain_timeout`.
///
/// The database need not be there: until it is, calls answer 503 and `/readyz` says why. So does `health`, to whoever else
/// has it.
pub async fn run(
    listener: TcpListener,
    config: Config,
    secrets: Secrets,
    health: Health,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let tls = config.tls.as_ref().map(Tls::start).transpose();
    let tls = tls.map_err(|mistake| ServeError::Config(InvalidConfig { mistakes: vec![mistake] }))?;
    let listener = Listener { tcp: listener, tls };
    let store = Store::new(&secrets.database_url, pools::of_requests(&config));
    health.watch(Store::new(&secrets.database_url, pools::PROBES));
    let closing = CancellationToken::new();
    let watches = Publisher::new(store.clone(), &config, &secrets, closing.clone());
    let notifier = CommandNotifier::new(store.clone());
    let services = services::compose(&store, &config, &secrets, &watches, &notifier, &health, &closing)?;
    let callers =
        Store::new(&secrets.database_url, PoolOptions { size: pools::AUTH, ..pools::of_requests(&config) });
    let authenticator = Arc::new(Authenticator::new(&callers, config.jwt.as_ref()));
    let stack =
        stack::stack(Router::new(services, Documents::compose(), health.clone()), authenticator, &config);
    let measuring = tokio::spawn(housekeeping::measure(store.clone()));
    let housekeeping = tokio::spawn(housekeeping::keep(store, config.event_retention));
    let watching = tokio::spawn(watches.run());
    let notifying = tokio::spawn(notifier.run());
    let dispatching = tokio::spawn(dispatcher(&config, &secrets, closing.clone()).run());
    listener::serve(listener, stack, shutdown, || health.draining(), closing, bounds(&config)).await;
    // It ends by itself, with what was posted answered: what is cut off is posted again, and later.
    let _ = tokio::time::timeout(config.webhooks.timeout.min(config.drain_timeout), dispatching).await;
    measuring.abort();
    housekeeping.abort();
    watching.abort();
    notifying.abort();
    Ok(())
}

/// Tells webhooks of changes until `closing` is cancelled.
fn dispatcher(config: &Config, secrets: &Secrets, closing: CancellationToken) -> Dispatcher<Postman> {
    let store = Store::new(&secrets.database_url, PoolOptions::background(pools::WEBHOOKS));
    Dispatcher::new(
        store,
        secrets.signing_keys.clone(),
        config.webhooks,
        Postman::new(&config.webhooks),
        closing,
    )
}

fn bounds(config: &Config) -> Bounds {
    Bounds {
        connections: config.max_connections,
        age: config.max_connection_age,
        first_request: listener::FIRST_REQUEST,
        unread: listener::UNREAD,
        detect: config.drain_delay,
        grace: config.drain_timeout,
    }
}

#[cfg(test)]
mod tests;
