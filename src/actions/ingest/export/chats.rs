//! Chats as events: what all sessions share, each session's view, and the organization's own data.

use std::collections::HashMap;

use super::versions::by_version;
use crate::actions::ingest::parse::MAX_MEMBERS;
use crate::actions::ingest::persons::Persons;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::ingest_event::{
    Chat, ChatType, Event, Inbox, LabelNames, Member, MemberChange, Members, Note, Read,
};
use crate::store::export::{self as rows, ExportedChat, SessionChatRow};
use crate::store::notes::NoteRow;
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
        let mut chats = rows::chats_after(connection, org, session, after, limit)?;
        let mut times: Vec<_> = chats.iter_mut().map(|chat| &mut chat.member_times.0).collect();
        Persons::rename(connection, org, &mut times)?;
        let keys: Vec<i64> = chats.iter().map(|chat| chat.chat_key).collect();
        let mut views: HashMap<i64, Vec<SessionChatRow>> = HashMap::new();
        for view in rows::session_chats(connection, org, session, &keys)? {
            views.entry(view.chat_key).or_default().push(view);
        }
        let mut notes: HashMap<i64, Vec<NoteRow>> = HashMap::new();
        for (chat_key, note) in rows::notes(connection, org, &keys)? {
            notes.entry(chat_key).or_default().push(note);
        }
        let mut page = Self { last_key: keys.last().copied(), events: Vec::new() };
        for chat in chats {
            let notes = notes.remove(&chat.chat_key).unwrap_or_default();
            page.add(views.remove(&chat.chat_key).unwrap_or_default(), chat, notes)?;
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

    /// Adds a chat. What all sessions share of it is in the events of its first session.
    fn add(
        &mut self,
        views: Vec<SessionChatRow>,
        chat: ExportedChat,
        notes: Vec<NoteRow>,
    ) -> StoreResult<()> {
        let Some(first) = views.first().map(|view| view.session_id) else { return Ok(()) };
        let (times, updated_at) = (chat.field_times.0.clone(), chat.shared.updated_at);
        let changes = member_changes(&chat);
        let (shared, inbox) = shared_events(chat);
        let jid = shared.jid.clone();
        let mut add = |session, event| self.events.push((session, event));
        let versions = by_version(&shared, "jid", Chat::CLEARABLE, &times)?;
        let newest = versions.last().map(|(at, _)| *at);
        for (at, chat) in versions {
            add(first, Event::Chat(Chat { updated_at: Some(at.into()), ..chat }));
        }
        for change in changes {
            add(first, Event::MemberChange(change));
        }
        if newest != Some(updated_at) {
            let updated_at = Some(updated_at.into());
            add(first, Event::Chat(Chat { jid: jid.clone(), updated_at, ..Chat::default() }));
        }
        for view in views {
            let session = view.session_id;
            let flags = Chat {
                jid: jid.clone(),
                archived: Some(view.archived),
                pinned: Some(view.pinned),
                exited: Some(view.exited),
                muted_until: view.muted_until.map(Into::into),
                ..Chat::default()
            };
            for (at, chat) in by_version(&flags, "jid", &["muted_until"], &view.field_times.0)? {
                add(session, Event::Chat(Chat { updated_at: Some(at.into()), ..chat }));
            }
            if let Some(up_to) = view.read_up_to {
                add(session, Event::Read(Read { chat: jid.clone(), up_to: Some(up_to.into()) }));
            }
        }
        inbox.into_iter().for_each(|inbox| add(first, Event::Inbox(inbox)));
        // One an event, so that events stay small.
        for row in notes {
            let notes = vec![note(row)];
            add(first, Event::Inbox(Inbox { chat: jid.clone(), notes, ..Inbox::default() }));
        }
        Ok(())
    }
}

fn note(row: NoteRow) -> Note {
    Note {
        id: row.note_id.to_string(),
        body: row.body,
        author: row.author,
        created_at: Some(row.created_at.into()),
        updated_at: Some(row.updated_at.into()),
    }
}

/// The changes of members after the list of members.
fn member_changes(chat: &ExportedChat) -> Vec<MemberChange> {
    let jid = &chat.shared.chat_id;
    let changes = chat.member_times.0.iter().map(|(contact, at)| {
        let mut change = MemberChange {
            chat: jid.clone(),
            at: Some(Instant::from_micros(*at).into()),
            ..MemberChange::default()
        };
        let list = match chat.shared.members.iter().find(|member| member.contact_id == *contact) {
            None => &mut change.removed,
            Some(member) if member.is_admin => &mut change.promoted,
            Some(_) => &mut change.added,
        };
        list.push(contact.clone());
        change
    });
    changes.collect()
}

/// What all sessions share of a chat, and the organization's own data of it, if there is any.
fn shared_events(row: ExportedChat) -> (Chat, Option<Inbox>) {
    let chat = row.shared;
    let kind = match chat.type_.as_str() {
        "group" => ChatType::Group,
        "business" => ChatType::Business,
        _ => ChatType::Dm,
    };
    let has_list = row.field_times.0.contains_key("members");
    let members = chat.members.into_iter();
    let members = members.map(|row| Member {
        id: row.contact_id,
        is_admin: row.is_admin,
        is_super_admin: row.is_super_admin,
    });
    let mut members = Members { members: members.collect() };
    if members.members.len() > MAX_MEMBERS {
        // Those that came after the list are in events of their own.
        members.members.retain(|member| member.is_admin || !row.member_times.0.contains_key(&member.id));
    }
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
        description: chat.description,
        invite_link: chat.invite_link,
        info_admins_only: chat.info_admins_only,
        messages_admins_only: chat.messages_admins_only,
        add_members_admins_only: chat.add_members_admins_only,
        member_add_mode: chat.member_add_mode,
        members: Some(members).filter(|members| has_list || !members.members.is_empty()),
        ..Chat::default()
    };
    (shared, inbox)
}
