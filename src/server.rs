//! The server, from the listener's socket to the services, in six rooms.

mod background;
mod compression;
mod inbound;
mod listener;
mod pages;
mod probes;
mod protocols;
mod stack;
mod types;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tower::service_fn;

use self::background::Background;
use self::listener::Limits;
use self::pages::Pages;
use self::protocols::media::MediaFiles;
use self::protocols::{Router, services};
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::auth::Authenticator;
use crate::config::{Config, Secrets};
use crate::connect::inbound::Inbound;
use crate::connect::kinds::Kinds;
use crate::connect::media::{Fetcher, MediaStore};
use crate::connect::wakes::Wakes;
use crate::connect::workers::Workers;
use crate::error::Result;
use crate::store::{Lane, PoolOptions, Store};

pub use self::listener::{Listener, tls};
pub use self::probes::Health;
pub use self::probes::metrics_server::serve as serve_metrics;

/// Serves every protocol until `shutdown` completes, then drains and returns.
///
/// Without a database the server starts, too: requests get 503, `/readyz` and `health` give the reason.
///
/// # Errors
///
/// A part of the server could not be built: a fault of the program.
pub async fn run(
    listener: Listener,
    config: Config,
    secrets: Secrets,
    health: Health,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let store =
        Store::new(&secrets.database_url, PoolOptions::requests(&config)).with_quotas(config.org_quotas);
    health.watch(store.with_lane(Lane::Probes));
    let closing = CancellationToken::new();
    let publisher = Publisher::new(store.clone(), &config, &secrets, closing.clone());
    let notifier = CommandNotifier::new(store.clone());
    let kinds = Kinds::new(&config.connections, secrets.signing_keys.clone())?;
    let (wakes, notifications) = (Wakes::default(), (&publisher, &notifier));
    let connect = (kinds.clone(), wakes.clone());
    let (grpc, rest) =
        services::compose(&store, &config, &secrets, notifications, connect, &health, &closing)?;
    let authenticator = Arc::new(Authenticator::new(&store.with_lane(Lane::Auth), config.jwt.as_ref()));
    let media = MediaStore::new(&store, &config);
    let files = MediaFiles::new(store.clone(), media.clone());
    let router = Router::new(grpc, rest.clone(), Pages::new(), files, health.clone(), config.max_body_bytes);
    let router = service_fn(move |request| {
        let router = router.clone();
        async move { Ok(router.route(request).await) }
    });
    let inbound = Inbound::new(store.clone(), kinds.clone(), wakes.clone(), media.clone());
    let fetcher = Fetcher::new(&store, media);
    let stack = stack::stack(router, rest, authenticator, Arc::new(inbound), &config);
    let workers = Workers::new(&store, kinds, wakes, fetcher, config.keep_deleted_text, closing.clone());
    let background =
        Background::start(&store, &config, &secrets, publisher, notifier, workers, closing.clone());
    listener::serve(listener, stack, shutdown, || health.drain(), closing, Limits::new(&config)).await;
    background.stop().await;
    Ok(())
}
