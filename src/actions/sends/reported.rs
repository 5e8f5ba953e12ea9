//! Finding out what became of sends whose outcome is unknown.

use uuid::Uuid;

use crate::error::Result;
use crate::ids::{OrgId, SessionId};
use crate::store::sends::UNKNOWN;
use crate::store::{Connection, Store, send_queue, send_views, sent_messages};

/// The sends of the session whose outcome is unknown, and that WhatsApp has reported meanwhile: id of the send, and of the
/// message.
pub async fn reported(store: &Store, org: OrgId, session: SessionId) -> Result<Vec<(Uuid, String)>> {
    let read = move |connection: &mut Connection| {
        let mut reported = Vec::new();
        for row in send_queue::in_state(connection, org, session, UNKNOWN)? {
            let view = send_views::find(connection, org, row.send_id)?;
            let Some(message) = view.and_then(|view| view.message) else { continue };
            let is_own = message.ack > Some(0);
            let kind = message.type_.as_deref().unwrap_or_default();
            // Gateways report the text of these in different words, or not at all.
            let is_described = matches!(row.kind.as_str(), "location" | "contacts");
            let body = (!is_described).then(|| message.body.as_deref().unwrap_or_default());
            let id = match is_own {
                true => Some(message.message_id.clone()),
                false => sent_messages::reported(connection, org, &row, (kind, body))?,
            };
            reported.extend(id.map(|id| (row.send_id, id)));
        }
        Ok(reported)
    };
    store.snapshot(read).await
}
