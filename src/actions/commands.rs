//! What our own callers did to a number's chats, for the connector that holds the number.
//!
//! What WhatsApp says of a chat does not take back what waits: it bears no time, and a connector that comes back tells all
//! it knows, which is older than what was done while it was away.

mod bells;

use std::time::Duration;

use uuid::Uuid;

pub use self::bells::{CommandNotifier, CommandSignal};
use super::sessions;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, Phone, PhoneId, SessionId};
use crate::instant::Instant;
pub use crate::store::commands::Wish;
use crate::store::commands::{self as rows, Waiting};
use crate::store::ingest::sessions_by_name;
use crate::store::session_chats::SessionChatChange;
use crate::store::{Connection, Store, StoreResult};

/// How long a connector holds a number without saying so again.
pub const LEASE: Duration = Duration::from_secs(10);
/// Changes that are looked at together.
const PAGE: i64 = 128;

/// A change for a connector to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What it is acknowledged by; a later change has a greater one.
    pub id: i64,
    /// The chat.
    pub chat: ChatAddress,
    /// What is to be so.
    pub change: Change,
}

/// What is to be so of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Archived, or not.
    Archived(bool),
    /// Pinned, or not.
    Pinned(bool),
    /// Muted until then, or not.
    Muted(Option<Instant>),
    /// Read up to then; with nothing to read, as a whole.
    Read(Option<Instant>),
    /// Marked as unread.
    Unread,
}

/// A connector's hold on a number.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorLease {
    org: OrgId,
    session: SessionId,
    holder: Uuid,
}

/// Keeps a change of a chat for the connector of its number.
pub(super) fn keep(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    change: &SessionChatChange,
) -> StoreResult<()> {
    let wish = |field, flag, at| Wish { field, flag, at };
    let wishes = [
        change.archived.map(|flag| wish("archived", flag, None)),
        change.pinned.map(|flag| wish("pinned", flag, None)),
        change.muted_until.map(|until| wish("muted", until.is_some(), until)),
    ];
    rows::keep(connection, org, session, address, &wishes.into_iter().flatten().collect::<Vec<_>>())
}

/// Keeps that a chat was marked read or unread.
pub(super) fn keep_read(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    is_read: bool,
) -> StoreResult<()> {
    rows::keep(connection, org, session, address, &[Wish { field: "read", flag: is_read, at: None }])
}

impl ConnectorLease {
    /// The hold on the number of that name (session id, phone id or digits), which is not taken yet.
    pub async fn find(store: &Store, caller: &Caller, name: &str) -> Result<Self> {
        let (org, reach) = (caller.org, caller.sessions.clone());
        let id = name.parse::<SessionId>().ok();
        let (phone, phone_id) = (name.parse::<Phone>().ok(), name.parse::<PhoneId>().ok());
        if id.is_none() && phone.is_none() && phone_id.is_none() {
            return Err(Error::invalid(
                "open.session",
                "must be a session id, a phone id or a number's digits",
            ));
        }
        let named = store
            .read(move |connection| {
                sessions_by_name(connection, org, id.as_slice(), phone.as_slice(), phone_id.as_slice())
            })
            .await?;
        let mut reachable = named
            .into_iter()
            .map(|names| names.session)
            .filter(|session| reach.as_ref().is_none_or(|reach| reach.contains(session)));
        let session = reachable.next().ok_or_else(sessions::not_found)?;
        Ok(Self { org, session, holder: Uuid::now_v7() })
    }

    /// Takes the number, or keeps it, for [`LEASE`]. `false` while somebody else has it.
    pub async fn acquire(self, store: &Store) -> Result<bool> {
        let Self { org, session, holder } = self;
        let seconds = LEASE.as_secs_f64();
        store.write(org, move |connection| rows::lease(connection, org, session, holder, seconds)).await
    }

    /// Lets somebody else have it.
    pub async fn release(self, store: &Store) -> Result<()> {
        let Self { org, session, holder } = self;
        store.write(org, move |connection| rows::release(connection, org, session, holder)).await
    }

    /// The changes that wait, oldest first; of many, the oldest.
    pub async fn pending(self, store: &Store) -> Result<Vec<Command>> {
        let Self { org, session, .. } = self;
        let waiting = store.read(move |connection| rows::waiting(connection, org, session, PAGE)).await?;
        waiting.into_iter().map(command).collect()
    }

    /// These changes are carried out.
    pub async fn acknowledge(self, store: &Store, ids: Vec<i64>) -> Result<()> {
        let Self { org, session, .. } = self;
        store.write(org, move |connection| rows::remove(connection, org, session, &ids)).await
    }
}

fn command(waiting: Waiting) -> Result<Command> {
    let change = match (waiting.field.as_str(), waiting.flag) {
        ("archived", flag) => Change::Archived(flag),
        ("pinned", flag) => Change::Pinned(flag),
        ("muted", true) => Change::Muted(waiting.at),
        ("muted", false) => Change::Muted(None),
        ("read", true) => Change::Read(waiting.at),
        ("read", false) => Change::Unread,
        _ => return Err(Error::internal("commands.field is not known")),
    };
    Ok(Command { id: waiting.version, chat: waiting.chat, change })
}
