//! Does what events require beyond being stored.

use tokio::sync::mpsc;
use uuid::Uuid;

use super::gateway::{FollowUp, Lookup};
use super::lease::Leased;
use super::media;
use crate::actions::sends::{self, SendView};
use crate::error::Result;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Event, Receipt};
use crate::store::{connections, send_views};
use crate::telemetry::causes;

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
            if find_send(leased, send).await?.is_some() {
                sends::accept(&leased.store, leased.org, send, message_id).await?;
            }
        }
        FollowUp::Receipt { send, receipt } => receive(leased, send, receipt).await?,
    }
    Ok(())
}

/// The send that an event names, if it is of the connection's session: the sender of a webhook chooses that id.
async fn find_send(leased: &Leased, send: Uuid) -> Result<Option<SendView>> {
    let org = leased.org;
    let found = leased.store.read(move |connection| send_views::find(connection, org, send)).await?;
    Ok(found.filter(|view| view.send.session_id == leased.session))
}

/// Stores a receipt of a send in the chat that it was sent to.
async fn receive(leased: &Leased, send: Uuid, mut receipt: Receipt) -> Result<()> {
    let found = find_send(leased, send).await?;
    let (Some(view), Some(message)) = (found, receipt.message.as_mut()) else { return Ok(()) };
    view.send.address.as_str().clone_into(&mut message.chat);
    // The receipt finds the message by WhatsApp's id only after this.
    sends::accept(&leased.store, leased.org, send, message.id.clone()).await?;
    let event = IngestEvent { event: Some(Event::Receipt(receipt)), ..IngestEvent::default() };
    for outcome in leased.ingest(vec![event]).await? {
        if let Err(error) = outcome {
            tracing::warn!(reason = causes(&error), "a receipt of a sent message was rejected");
        }
    }
    Ok(())
}
