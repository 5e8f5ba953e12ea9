//! Sessions and their chats as the session API returns them.

use crate::actions::sessions::SessionRow;
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::{Session, SessionChat};
use crate::store::session_chats::SessionChatView;

pub(super) fn session(org: OrgId, row: SessionRow) -> Session {
    Session {
        id: row.session_id.to_string(),
        phone_number: row.phone.to_string(),
        phone_id: row.phone_id.to_string(),
        wa_jid: ChatAddress::of_phone(&row.phone).to_jid(),
        wa_lid: row.lid,
        label: row.label,
        status: row.status,
        organization_id: org.to_string(),
        created_at: row.created_at.millis(),
        updated_at: row.updated_at.millis(),
        last_connected_at: row.last_connected_at.map(Instant::millis),
        has_connection: None,
    }
}

pub(super) fn session_chat(session: SessionId, view: SessionChatView) -> SessionChat {
    let SessionChatView { held, address, name } = view;
    let is_group = address.kind() == AddressKind::Group;
    SessionChat {
        id: held.id,
        session_id: session.to_string(),
        jid: address.to_jid(),
        r#type: if is_group { "group" } else { "dm" }.to_owned(),
        name,
        archived: Some(held.archived),
        pinned: Some(held.pinned),
        muted_until: held.muted_until.map(Instant::millis),
        unread_count: held.unread.map_or(0, i64::from),
        last_message_at: held.last_message_at.map(Instant::millis),
    }
}
