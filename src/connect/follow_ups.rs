//! Does what events require beyond being stored.

use tokio::sync::mpsc;

use super::gateway::{FollowUp, Lookup};
use super::lease::Leased;
use super::media;
use crate::actions::sends;
use crate::error::Result;
use crate::store::connections;

/// Does one task, or hands it on. It may be done twice.
pub(super) async fn follow_up(leased: &Leased, task: FollowUp, lookups: &mpsc::Sender<Lookup>) -> Result<()> {
    match task {
        // When too many wait, a later event asks again.
        FollowUp::Lookup(lookup) => drop(lookups.try_send(lookup)),
        FollowUp::Sync => {
            let (org, id) = (leased.org, leased.connection.clone());
            leased.store.write(org, move |tx| connections::request_sync(tx, org, &id).map(drop)).await?;
            leased.wake.sync.notify_one();
        }
        FollowUp::State(state) => leased.set_state(&state).await?,
        FollowUp::Media(source) => {
            media::enqueue(&leased.store, leased.org, leased.session, vec![source]).await?;
            leased.wake.media.notify_one();
        }
        FollowUp::Accepted { send, message_id } => {
            sends::accept(&leased.store, leased.org, send, message_id).await?;
        }
    }
    Ok(())
}
