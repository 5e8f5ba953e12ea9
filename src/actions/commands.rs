//! Commands: changes of chats by API clients that a connector executes in WhatsApp.
//!
//! An ingest event never cancels a pending command. It carries no time, and a connector that reconnects reports its whole
//! state, which is older than the commands that were given meanwhile.

use std::time::Duration;

use uuid::Uuid;

use super::sessions;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, Phone, PhoneId, SessionId};
use crate::instant::Instant;
use crate::store::commands::{self, NewCommand, PendingCommand};
use crate::store::ingest::sessions_by_name;
use crate::store::sent_messages;
use crate::store::session_chats::SessionChatChange;
use crate::store::{Connection, Store, StoreResult};

/// How long a connector holds a session's lease without renewing it.
pub const LEASE: Duration = Duration::from_secs(10);
/// Pending commands that are read at a time.
const PAGE: i64 = 128;

/// A change that a connector executes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The id by which it is acknowledged; later commands have greater ids.
    pub id: i64,
    /// The chat.
    pub chat: ChatAddress,
    /// The change.
    pub change: Change,
}

/// The new state of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Whether it is archived.
    Archived(bool),
    /// Whether it is pinned.
    Pinned(bool),
    /// When its mute ends; `None` unmutes.
    Muted(Option<Instant>),
    /// The time up to which it is read; `None` without any message.
    Read(Option<Instant>),
    /// Marked as unread.
    Unread,
}

/// The lease of a session under which its commands and sends are carried out: by the stream of a connector, or by the service
/// for a connection that it serves itself. It need not be acquired.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorLease {
    pub(super) org: OrgId,
    /// The session.
    pub session: SessionId,
    pub(super) holder: Uuid,
}

/// Enqueues commands for a change of a chat.
pub(super) fn enqueue(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_key: i64,
    change: &SessionChatChange,
) -> StoreResult<()> {
    let command = |field, flag, at| NewCommand { field, flag, at };
    let new = [
        change.archived.map(|flag| command("archived", flag, None)),
        change.pinned.map(|flag| command("pinned", flag, None)),
        change.muted_until.map(|until| command("muted", until.is_some(), until)),
    ];
    commands::enqueue(connection, org, session, chat_key, &new.into_iter().flatten().collect::<Vec<_>>())
}

/// Enqueues the command to mark a chat read up to that time, or unread.
pub(super) fn enqueue_read(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_key: i64,
    (is_read, at): (bool, Option<Instant>),
) -> StoreResult<()> {
    let command = NewCommand { field: "read", flag: is_read, at: at.filter(|_| is_read) };
    commands::enqueue(connection, org, session, chat_key, &[command])
}

/// The newest incoming messages of a chat up to a time, newest first: id, and author in a group.
pub async fn last_incoming(
    store: &Store,
    org: OrgId,
    session: SessionId,
    chat: ChatAddress,
    up_to: Option<Instant>,
    limit: i64,
) -> Result<Vec<(String, Option<String>)>> {
    let read =
        move |connection: &mut _| sent_messages::last_incoming(connection, org, session, &chat, up_to, limit);
    let incoming = store.read(read).await?.into_iter();
    Ok(incoming.map(|(id, author)| (id, author.map(|author| author.to_string()))).collect())
}

impl Change {
    /// The field that it changes, as it is stored.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Archived(_) => "archived",
            Self::Pinned(_) => "pinned",
            Self::Muted(_) => "muted",
            Self::Read(_) | Self::Unread => "read",
        }
    }
}

impl ConnectorLease {
    /// The lease of the session for that holder.
    pub fn of(org: OrgId, session: SessionId, holder: Uuid) -> Self {
        Self { org, session, holder }
    }

    /// The lease of the session with that session id, phone id or phone number.
    pub async fn find(store: &Store, caller: &Caller, name: &str) -> Result<Self> {
        let (org, allowed) = (caller.org, caller.sessions.clone());
        let id = name.parse::<SessionId>().ok();
        let (phone, phone_id) = (name.parse::<Phone>().ok(), name.parse::<PhoneId>().ok());
        if id.is_none() && phone.is_none() && phone_id.is_none() {
            let expected = "must be a session id, a phone id or a phone number";
            return Err(Error::invalid("open.session", expected));
        }
        let find = move |connection: &mut _| {
            sessions_by_name(connection, org, id.as_slice(), phone.as_slice(), phone_id.as_slice())
        };
        let found = store.read(find).await?.into_iter().map(|names| names.session);
        let mut found = found.filter(|id| allowed.as_ref().is_none_or(|allowed| allowed.contains(id)));
        let session = found.next().ok_or_else(sessions::not_found)?;
        Ok(Self { org, session, holder: Uuid::now_v7() })
    }

    /// Acquires or renews it for [`LEASE`]; `false` while another holder has it.
    pub async fn acquire(self, store: &Store) -> Result<bool> {
        store.write(self.org, move |tx| self.acquire_within(tx)).await
    }

    /// Acquires or renews it as [`Self::acquire`] does, until the transaction ends at least.
    pub(super) fn acquire_within(self, connection: &mut Connection) -> StoreResult<bool> {
        commands::acquire_lease(connection, self.org, self.session, self.holder, LEASE)
    }

    /// Releases the lease before it expires.
    pub async fn release(self, store: &Store) -> Result<()> {
        let Self { org, session, holder } = self;
        store.write(org, move |connection| commands::release_lease(connection, org, session, holder)).await
    }

    /// The oldest pending commands of the session; none while the lease is not held.
    pub async fn pending(self, store: &Store) -> Result<Vec<Command>> {
        let Self { org, session, holder } = self;
        let pending = move |connection: &mut _| commands::pending(connection, org, session, holder, PAGE);
        let pending = store.read(pending).await?;
        pending.into_iter().map(command).collect()
    }

    /// Removes commands that the connector has executed.
    pub async fn acknowledge(self, store: &Store, ids: Vec<i64>) -> Result<()> {
        let Self { org, session, .. } = self;
        store.write(org, move |connection| commands::delete(connection, org, session, &ids)).await
    }
}

fn command(pending: PendingCommand) -> Result<Command> {
    let change = match (pending.field.as_str(), pending.flag) {
        ("archived", flag) => Change::Archived(flag),
        ("pinned", flag) => Change::Pinned(flag),
        ("muted", true) => Change::Muted(pending.at),
        ("muted", false) => Change::Muted(None),
        ("read", true) => Change::Read(pending.at),
        ("read", false) => Change::Unread,
        _ => return Err(Error::internal("unknown value in commands.field")),
    };
    Ok(Command { id: pending.version, chat: pending.chat, change })
}
