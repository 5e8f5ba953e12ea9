//! What the handlers share.

use std::sync::Arc;

use tonic::{Response, Status};

use crate::actions::connections::Connections;
use crate::actions::sends::Rules;
use crate::actions::watch::Publisher;
use crate::actions::webhooks::Webhooks;
use crate::connect::kinds::Kinds;
use crate::connect::media::MediaStore;
use crate::connect::sending;
use crate::connect::wakes::Wakes;
use crate::cursor::SigningKeys;
use crate::store::Store;

/// Implements every service except `IngestService`; each has a file of its own.
#[derive(Clone)]
pub struct Api {
    pub(super) store: Store,
    pub(super) signing_keys: SigningKeys,
    pub(super) publisher: Arc<Publisher>,
    pub(super) webhooks: Webhooks,
    pub(super) connections: Connections,
    pub(super) kinds: Kinds,
    pub(super) wakes: Wakes,
    pub(super) send_rules: Rules,
    pub(super) media: MediaStore,
}

impl Api {
    /// The services on that store. The signing keys sign the cursors of lists.
    pub fn new(
        store: Store,
        signing_keys: SigningKeys,
        publisher: Arc<Publisher>,
        webhooks: Webhooks,
        connections: Connections,
        (kinds, wakes): (Kinds, Wakes),
        media: MediaStore,
    ) -> Self {
        let send_rules = sending::rules(kinds.clone(), wakes.clone());
        Self { store, signing_keys, publisher, webhooks, connections, kinds, wakes, send_rules, media }
    }
}

/// The result of an RPC.
pub(super) type RpcResult<T> = Result<Response<T>, Status>;
