//! The server, from the listener's socket to the services, in six rooms.

mod background;
mod compression;
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

use self::background::Background;
use self::listener::tls::Tls;
use self::listener::{Limits, Listener};
use self::pages::Pages;
use self::protocols::{Router, services};
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::auth::Authenticator;
use crate::config::{Config, InvalidConfig, Secrets};
use crate::store::Store;

pub use self::listener::tls;
pub use self::pools::database_pool_size;
pub use self::probes::Health;
pub use self::probes::metrics_server::serve as serve_metrics;
pub use self::serve_error::ServeError;

/// Serves every protocol until `shutdown` completes, then drains and returns.
///
/// Without a database the server starts, too: requests get 503, `/readyz` and `health` give the reason.
pub async fn run(
    listener: TcpListener,
    config: Config,
    secrets: Secrets,
    health: Health,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let tls = config.tls.as_ref().map(Tls::start).transpose();
    let tls = tls.map_err(|mistake| ServeError::Config(InvalidConfig { mistakes: vec![mistake] }))?;
    let store = Store::new(&secrets.database_url, pools::of_requests(&config));
    health.watch(Store::new(&secrets.database_url, pools::PROBES));
    let closing = CancellationToken::new();
    let publisher = Publisher::new(store.clone(), &config, &secrets, closing.clone());
    let notifier = CommandNotifier::new(store.clone());
    let services = services::compose(&store, &config, &secrets, &publisher, &notifier, &health, &closing)?;
    let auth_store = Store::new(&secrets.database_url, pools::of_auth(&config));
    let authenticator = Arc::new(Authenticator::new(&auth_store, config.jwt.as_ref()));
    let router = Router::new(services, Pages::new(), health.clone());
    let stack = stack::stack(router, authenticator, &config);
    let background = Background::start(store, &config, &secrets, publisher, notifier, closing.clone());
    let listener = Listener { tcp: listener, tls };
    listener::serve(listener, stack, shutdown, || health.drain(), closing, Limits::new(&config)).await;
    background.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests;
