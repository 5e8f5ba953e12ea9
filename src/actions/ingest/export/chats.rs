//! Chats as events: what all sessions share, each session's view, and the organization's own data.

use std::collections::{BTreeMap, HashMap};

use prost_types::Value;
use serde::Deserialize;

use crate::error::Error;
use crate::ids::{OrgId, SessionId};
use crate::json_value::{JsonObject, JsonValue};
use crate::pb::ingest_event::{Chat, ChatType, Event, Inbox, LabelNames, Member, Members, Read};
use crate::store::export::{self as rows, Attached, SessionChatRow, SharedChat};
use crate::store::ingest::members_of;
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
        let mut page = Self { last_key: keys.last().copied(), events: Vec::new() };
        if keys.is_empty() {
            return Ok(page);
        }
        let mut views: HashMap<i64, Vec<SessionChatRow>> = HashMap::new();
        for view in rows::session_chats(connection, org, session, &keys)? {
            views.entry(view.chat_key).or_default().push(view);
        }
        let mut members: HashMap<i64, Members> = HashMap::new();
        for row in members_of(connection, org, &keys)? {
            let id = row.contact.as_str().to_owned();
            let member = Member { id, is_admin: row.is_admin, is_super_admin: row.is_super_admin };
            members.entry(row.chat_key).or_default().members.push(member);
        }
        let mut attached = rows::attached(connection, org, &keys)?;
        let emails = rows::emails(connection, org)?;
        for chat in chats {
            let views = views.remove(&chat.chat_key).unwrap_or_default();
            let members = members.remove(&chat.chat_key);
            let inbox = inbox(&chat, &emails, &mut attached)?;
            page.add(shared(chat, members), views, inbox);
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

fn shared(chat: SharedChat, members: Option<Members>) -> Chat {
    let kind = match chat.type_.as_str() {
        "group" => ChatType::Group,
        "business" => ChatType::Business,
        _ => ChatType::Dm,
    };
    Chat {
        jid: chat.chat_id,
        r#type: kind.into(),
        name: chat.name,
        image: chat.image,
        created_at: chat.created_at.map(Into::into),
        updated_at: Some(chat.updated_at.into()),
        description: chat.description,
        invite_link: chat.invite_link,
        info_admins_only: chat.info_admins_only,
        messages_admins_only: chat.messages_admins_only,
        add_members_admins_only: chat.add_members_admins_only,
        member_add_mode: chat.member_add_mode,
        members,
        ..Chat::default()
    }
}

/// The organization's own data of a chat, if there is any.
fn inbox(
    chat: &SharedChat,
    emails: &HashMap<String, String>,
    attached: &mut Attached,
) -> StoreResult<Option<Inbox>> {
    let key = chat.chat_key;
    let mut custom_properties: BTreeMap<String, Value> = BTreeMap::new();
    for (id, value) in attached.properties.remove(&key).unwrap_or_default() {
        let JsonValue(value) = JsonValue::deserialize(value).map_err(Error::internal)?;
        custom_properties.insert(id.to_string(), value);
    }
    let JsonObject(metadata) = JsonObject::deserialize(&chat.hubspot_metadata).map_err(Error::internal)?;
    let bare = Inbox { chat: chat.chat_id.clone(), ..Inbox::default() };
    let inbox = Inbox {
        assigned_to: chat.assignee.as_ref().and_then(|member| emails.get(member).cloned()),
        labels: attached.labels.remove(&key).map(|names| LabelNames { names }),
        custom_properties,
        access: attached.access.remove(&key).unwrap_or_default().into_iter().collect(),
        closed_at: chat.closed_at.map(Into::into),
        hubspot_metadata: Some(metadata).filter(|metadata| !metadata.fields.is_empty()),
        ..bare.clone()
    };
    Ok((inbox != bare).then(|| Inbox { updated_at: Some(chat.updated_at.into()), ..inbox }))
}
