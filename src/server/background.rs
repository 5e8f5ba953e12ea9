//! Tasks beside requests: housekeeping, notifications, webhook deliveries.

mod housekeeping;
mod media_files;
mod webhook_sender;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::webhook_sender::HttpSender;
use crate::actions::command_notifier::CommandNotifier;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Dispatcher;
use crate::config::{Config, Secrets};
use crate::connect::media::MediaStore;
use crate::connect::workers::Workers;
use crate::store::{Lane, Store};

/// The running tasks.
pub struct Background {
    /// Aborted when dropped.
    _tasks: JoinSet<()>,
    dispatcher: JoinHandle<()>,
    workers: JoinHandle<()>,
    /// How long the dispatcher may take to finish.
    grace: Duration,
}

impl Background {
    /// Starts all tasks. The dispatcher and the workers of connections finish when `closing` is cancelled.
    pub fn start(
        store: &Store,
        config: &Config,
        secrets: &Secrets,
        publisher: Arc<Publisher>,
        notifier: CommandNotifier,
        workers: Workers,
        closing: CancellationToken,
    ) -> Self {
        let store = store.with_lane(Lane::Background);
        let mut tasks = JoinSet::new();
        tasks.spawn(housekeeping::measure(store.clone()));
        tasks.spawn(housekeeping::analyze(store.clone()));
        let retention = (config.event_retention, config.connections.inbound_retention);
        tasks.spawn(housekeeping::clean_up(store.clone(), retention));
        let media = MediaStore::new(&store, config);
        tasks.spawn(media_files::clean_up(store.clone(), media, config.media.clone()));
        tasks.spawn(publisher.run());
        tasks.spawn(async move { match notifier.run().await {} });
        let (keys, sender) = (secrets.signing_keys.clone(), HttpSender::new(&config.webhooks));
        let dispatcher = Dispatcher::new(store, keys, config.webhooks, sender, closing);
        Self {
            _tasks: tasks,
            dispatcher: tokio::spawn(dispatcher.run()),
            workers: tokio::spawn(workers.run()),
            grace: config.webhooks.timeout.min(config.drain_timeout),
        }
    }

    /// Waits for the responses to the deliveries in flight, and aborts everything else.
    /// An aborted delivery is repeated.
    pub async fn stop(self) {
        let _ = tokio::join!(tokio::time::timeout(self.grace, self.dispatcher), self.workers);
    }
}
