//! Chats told again: what all numbers share, what each number made of it, and what the organization made of it.

use std::collections::{BTreeMap, HashMap};

use super::{PAGE, Scope, Teller, known};
use crate::actions::ingest::event::{ChatEvent, ChatKind, Event, InboxEvent, MemberEvent, ReadEvent};
use crate::error::Error;
use crate::patch::Patch;
use crate::store::export::{self as rows, Attached, HeldChat, SharedChat};
use crate::store::ingest::members_of;
use crate::store::{Connection, StoreResult};

impl Teller {
    pub(super) fn chats(&mut self, connection: &mut Connection) -> StoreResult<()> {
        let Scope { org, session } = self.scope;
        let emails = rows::emails(connection, org)?;
        let mut after = i64::MIN;
        loop {
            let page = rows::chats_after(connection, org, session, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.chat_key;
            let keys: Vec<i64> = page.iter().map(|chat| chat.chat_key).collect();
            let mut held: HashMap<i64, Vec<HeldChat>> = HashMap::new();
            for holder in rows::holders(connection, org, session, &keys)? {
                held.entry(holder.chat_key).or_default().push(holder);
            }
            let mut members: HashMap<i64, Vec<MemberEvent>> = HashMap::new();
            for member in members_of(connection, org, &keys)? {
                let id = member.contact.as_str().to_owned();
                let told =
                    MemberEvent { id, is_admin: member.is_admin, is_super_admin: member.is_super_admin };
                members.entry(member.chat_key).or_default().push(told);
            }
            let mut attached = rows::attached(connection, org, &keys)?;
            for chat in page {
                let holders = held.remove(&chat.chat_key).unwrap_or_default();
                let members = members.remove(&chat.chat_key);
                let inbox = inbox(&chat, &emails, &mut attached);
                self.chat(chat, holders, members, inbox)?;
            }
        }
    }

    fn chat(
        &mut self,
        chat: SharedChat,
        holders: Vec<HeldChat>,
        members: Option<Vec<MemberEvent>>,
        inbox: Option<InboxEvent>,
    ) -> StoreResult<()> {
        let jid = chat.chat_id.clone();
        // The first one tells what all share.
        let mut shared = Some(shared(chat, members));
        let teller = holders.first().map(|holder| holder.session_id);
        for holder in holders {
            let digits = self.digits_of(&holder)?;
            let base =
                shared.take().unwrap_or_else(|| ChatEvent { jid: jid.clone(), ..ChatEvent::default() });
            let told = ChatEvent {
                archived: Some(holder.archived),
                pinned: Some(holder.pinned),
                exited: Some(holder.exited),
                muted_until: known(holder.muted_until),
                ..base
            };
            self.say(&digits, Event::Chat(Box::new(told)))?;
            if let Some(up_to) = holder.read_up_to {
                self.say(&digits, Event::Read(ReadEvent { chat: jid.clone(), up_to }))?;
            }
        }
        let teller = teller.and_then(|session| self.digits.get(&session).cloned());
        match teller.zip(inbox) {
            Some((teller, inbox)) => self.say(&teller, Event::Inbox(Box::new(inbox))),
            None => Ok(()),
        }
    }

    fn digits_of(&self, holder: &HeldChat) -> StoreResult<String> {
        let digits = self.digits.get(&holder.session_id).cloned();
        Ok(digits.ok_or_else(|| Error::internal("a chat is held by a session that is not there"))?)
    }
}

fn shared(chat: SharedChat, members: Option<Vec<MemberEvent>>) -> ChatEvent {
    let kind = match chat.type_.as_str() {
        "group" => ChatKind::Group,
        "business" => ChatKind::Business,
        _ => ChatKind::Dm,
    };
    ChatEvent {
        jid: chat.chat_id,
        kind: Some(kind),
        name: known(chat.name),
        image: known(chat.image),
        created_at: known(chat.created_at),
        updated_at: Some(chat.updated_at),
        description: known(chat.description),
        invite_link: known(chat.invite_link),
        info_admins_only: known(chat.info_admins_only),
        messages_admins_only: known(chat.messages_admins_only),
        add_members_admins_only: known(chat.add_members_admins_only),
        member_add_mode: known(chat.member_add_mode),
        members,
        ..ChatEvent::default()
    }
}

/// What the organization made of the chat, if anything.
fn inbox(chat: &SharedChat, emails: &HashMap<String, String>, attached: &mut Attached) -> Option<InboxEvent> {
    let key = chat.chat_key;
    let assignee = chat.assignee.as_ref().and_then(|member| emails.get(member).cloned());
    let values = attached.properties.remove(&key).unwrap_or_default();
    let told = InboxEvent {
        chat: chat.chat_id.clone(),
        assigned_to: known(assignee),
        labels: attached.labels.remove(&key),
        custom_properties: values.into_iter().map(|(id, value)| (id.to_string(), value)).collect(),
        access: attached.access.remove(&key).unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
        closed_at: known(chat.closed_at),
        hubspot_metadata: chat.hubspot_metadata.as_object().filter(|known| !known.is_empty()).cloned(),
        updated_at: None,
    };
    let bare = InboxEvent { chat: told.chat.clone(), assigned_to: Patch::Keep, ..InboxEvent::default() };
    (told != bare).then_some(InboxEvent { updated_at: Some(chat.updated_at), ..told })
}
