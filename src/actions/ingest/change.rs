//! A parsed event: what it changes, with typed values and checked text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::message_state::{MessageState, Update};
use crate::actions::chat_properties::PropertyInput;
use crate::ids::{ChatAddress, Phone, PhoneId, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::labels::LabelName;
use crate::store::notes::NoteRow;

/// A parsed event of a session.
pub(super) struct SessionEvent {
    pub(super) session: SessionName,
    pub(super) change: Change,
}

/// One of a session's names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SessionName {
    Id(SessionId),
    Phone(Phone),
    PhoneId(PhoneId),
}

/// What an event changes.
pub(super) enum Change {
    Contact {
        id: ChatAddress,
        contact: ContactChange,
    },
    Chat {
        chat: ChatAddress,
        change: Box<ChatChange>,
    },
    /// `author` of an incoming message of a group.
    Message {
        chat: ChatAddress,
        id: String,
        author: Option<ChatAddress>,
        message: Box<MessageState>,
    },
    Members {
        chat: ChatAddress,
        changes: Vec<MemberChange>,
    },
    Update {
        message: MessageReference,
        update: Update,
    },
    Read {
        chat: ChatAddress,
        up_to: Instant,
    },
    Unread {
        chat: ChatAddress,
        count: i32,
    },
    Inbox {
        chat: ChatAddress,
        inbox: Box<InboxChange>,
    },
    Link(Link),
    Status(StatusChange),
}

impl Change {
    /// The chat that the event is about.
    pub(super) fn chat(&self) -> Option<&ChatAddress> {
        match self {
            Self::Chat { chat, .. }
            | Self::Message { chat, .. }
            | Self::Members { chat, .. }
            | Self::Read { chat, .. }
            | Self::Unread { chat, .. }
            | Self::Inbox { chat, .. } => Some(chat),
            Self::Update { message, .. } => Some(&message.chat),
            Self::Contact { .. } | Self::Link(_) | Self::Status(_) => None,
        }
    }

    /// The chat that the event creates in its session unless it is held.
    pub(super) fn created_chat(&self) -> Option<&ChatAddress> {
        self.chat().filter(|_| matches!(self, Self::Chat { .. } | Self::Message { .. } | Self::Inbox { .. }))
    }
}

/// Changes of a contact.
pub(super) struct ContactChange {
    pub(super) name: Patch<String>,
    pub(super) color: Patch<String>,
    pub(super) image: Patch<String>,
    pub(super) is_internal: Option<bool>,
    pub(super) updated_at: Option<Instant>,
}

/// Changes of a chat: flags of the session, then what all sessions share.
pub(super) struct ChatChange {
    pub(super) archived: Option<bool>,
    pub(super) pinned: Option<bool>,
    pub(super) exited: Option<bool>,
    pub(super) muted_until: Patch<Instant>,
    /// `user`, `group` or `business`.
    pub(super) kind: Option<&'static str>,
    pub(super) name: Patch<String>,
    pub(super) image: Patch<String>,
    pub(super) description: Patch<String>,
    pub(super) invite_link: Patch<String>,
    pub(super) info_admins_only: Patch<bool>,
    pub(super) messages_admins_only: Patch<bool>,
    pub(super) add_members_admins_only: Patch<bool>,
    pub(super) member_add_mode: Patch<String>,
    pub(super) created_at: Patch<Instant>,
    pub(super) updated_at: Option<Instant>,
    /// All members, each once.
    pub(super) members: Option<Vec<Member>>,
}

impl ChatChange {
    /// Whether it reports flags of the session and nothing that all sessions share.
    pub(super) fn has_only_flags(&self) -> bool {
        let has_flags = [self.archived, self.pinned, self.exited].iter().any(Option::is_some);
        let texts = [&self.name, &self.image, &self.description, &self.invite_link, &self.member_add_mode];
        let rights = [&self.info_admins_only, &self.messages_admins_only, &self.add_members_admins_only];
        (has_flags || !self.muted_until.is_keep())
            && self.kind.is_none()
            && self.members.is_none()
            && self.created_at.is_keep()
            && texts.iter().all(|text| text.is_keep())
            && rights.iter().all(|right| right.is_keep())
    }
}

/// A member of a chat.
pub(super) struct Member {
    pub(super) contact: ChatAddress,
    pub(super) is_admin: bool,
    pub(super) is_super_admin: bool,
}

/// The change of one member of a group.
pub(super) struct MemberChange {
    pub(super) contact: ChatAddress,
    pub(super) membership: Membership,
    pub(super) at: Instant,
}

/// Whether a contact is a member; of two at the same instant the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Membership {
    No,
    Member,
    Admin,
}

/// Names a message; `None` of a part that the event leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageReference {
    pub(super) chat: ChatAddress,
    pub(super) id: String,
    pub(super) from_me: Option<bool>,
    /// The contact that sent it, in a group.
    pub(super) author: Option<ChatAddress>,
}

/// Addresses of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// At least two; first the one by which the person is to be known.
    pub(super) addresses: Vec<ChatAddress>,
    /// Whether they are of one kind, and may be known as two persons' so far.
    pub(super) is_alias: bool,
}

/// A session's new connection status.
pub(super) struct StatusChange {
    /// `disconnected`, `connecting`, `connected` or `logged_out`.
    pub(super) status: String,
    pub(super) at: Instant,
}

/// Changes of the organization's own data of a chat. Members and properties are not looked up yet.
pub(super) struct InboxChange {
    /// The key of the member's email.
    pub(super) assignee: Patch<String>,
    /// All labels, each once and sorted by key.
    pub(super) labels: Option<Vec<LabelName>>,
    /// By id or name of the property.
    pub(super) properties: BTreeMap<String, PropertyInput>,
    /// By the key of the member's email.
    pub(super) access: BTreeMap<String, bool>,
    pub(super) closed_at: Patch<Instant>,
    pub(super) hubspot_metadata: Option<Value>,
    pub(super) notes: Vec<NoteRow>,
    pub(super) updated_at: Option<Instant>,
}
