//! Chats as events: what all sessions share, each session's view, and the organization's own data.

use std::collections::HashMap;

use crate::ids::{OrgId, SessionId};
use crate::pb::ingest_event::{Chat, ChatType, Event, Inbox, LabelNames, Member, Members, Read};
use crate::store::export::{self as rows, ExportedChat, SessionChatRow};
use crate::store::{Connection, StoreResult};

/// Chats in the order of their keys, with everything that belongs to them.
pub(super) struct Page {
    last_key: Option<i64>,
    events: Vec<(SessionId, Event)>,
}

impl Page {
    /// Loads the chats after that key; with a session, only those it has.
    pub(super) fn load(
        connection: &mut Connection,
        org: OrgId,
        session: Option<SessionId>,
        after: i64,
        limit: i64,
    ) -> StoreResult<Self> {
        let chats = rows::chats_after(connection, org, session, after, limit)?;
        let keys: Vec<i64> = chats.iter().map(|chat| chat.chat_key).collect();
        let mut views: HashMap<i64, Vec<SessionChatRow>> = HashMap::new();
        for view in rows::session_chats(connection, org, session, &keys)? {
            views.entry(view.chat_key).or_default().push(view);
        }
        let mut page = Self { last_key: keys.last().copied(), events: Vec::new() };
        for chat in chats {
            let views = views.remove(&chat.chat_key).unwrap_or_default();
            let (shared, inbox) = shared_events(chat);
            page.add(shared, views, inbox);
        }
        Ok(page)
    }

    pub(super) fn last_key(&self) -> Option<i64> {
        self.last_key
    }

    /// The events, each with the session that it names.
    pub(super) fn into_events(self) -> Vec<(SessionId, Event)> {
        self.events
    }

    /// Adds a chat. The event of its first session has what all sessions share.
    fn add(&mut self, shared: Chat, views: Vec<SessionChatRow>, inbox: Option<Inbox>) {
        let jid = shared.jid.clone();
        let first = views.first().map(|view| view.session_id);
        let mut shared = Some(shared);
        for view in views {
            let base = shared.take().unwrap_or_else(|| Chat { jid: jid.clone(), ..Chat::default() });
            let chat = Chat {
                archived: Some(view.archived),
                pinned: Some(view.pinned),
                exited: Some(view.exited),
                muted_until: view.muted_until.map(Into::into),
                ..base
            };
            self.events.push((view.session_id, Event::Chat(chat)));
            if let Some(up_to) = view.read_up_to {
                let read = Read { chat: jid.clone(), up_to: Some(up_to.into()) };
                self.events.push((view.session_id, Event::Read(read)));
            }
        }
        self.events.extend(first.zip(inbox).map(|(session, inbox)| (session, Event::Inbox(inbox))));
    }
}

/// What all sessions share of a chat, and the organization's own data of it, if there is any.
fn shared_events(row: ExportedChat) -> (Chat, Option<Inbox>) {
    let chat = row.shared;
    let kind = match chat.type_.as_str() {
        "group" => ChatType::Group,
        "business" => ChatType::Business,
        _ => ChatType::Dm,
    };
    let members = chat.members.into_iter();
    let members = members.map(|row| Member {
        id: row.contact_id,
        is_admin: row.is_admin,
        is_super_admin: row.is_super_admin,
    });
    let members = Members { members: members.collect() };
    let labels = LabelNames { names: chat.labels.into_iter().map(|(_, name)| name).collect() };
    let bare = Inbox { chat: chat.chat_id.clone(), ..Inbox::default() };
    let inbox = Inbox {
        assigned_to: chat.assigned_to,
        labels: Some(labels).filter(|labels| !labels.names.is_empty()),
        custom_properties: chat.properties.into_iter().map(|(id, value)| (id, value.0.0)).collect(),
        access: chat.access.into_iter().collect(),
        closed_at: chat.closed_at.map(Into::into),
        hubspot_metadata: Some(chat.hubspot_metadata.0.0).filter(|metadata| !metadata.fields.is_empty()),
        ..bare.clone()
    };
    let updated_at = Some(chat.updated_at.into());
    let inbox = (inbox != bare).then_some(Inbox { updated_at, ..inbox });
    let shared = Chat {
        jid: chat.chat_id,
        r#type: kind.into(),
        name: row.name,
        image: row.image,
        created_at: chat.created_at.map(Into::into),
        updated_at,
        description: chat.description,
        invite_link: chat.invite_link,
        info_admins_only: chat.info_admins_only,
        messages_admins_only: chat.messages_admins_only,
        add_members_admins_only: chat.add_members_admins_only,
        member_add_mode: chat.member_add_mode,
        members: Some(members).filter(|members| !members.members.is_empty()),
        ..Chat::default()
    };
    (shared, inbox)
}
