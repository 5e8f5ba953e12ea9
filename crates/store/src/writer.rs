//! How a write transaction begins: the organization it may write, the actor it records, the lock it takes.

use switchboard_core::caller::Actor;
use switchboard_core::ids::OrgId;

/// The organization whose rows a transaction may write, and the actor recorded in its change events.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The organization.
    pub org: OrgId,
    /// Who makes the changes.
    pub actor: Actor,
    /// Whether other transactions may write to the organization at the same time.
    pub lock_mode: LockMode,
}

impl From<OrgId> for Writer {
    fn from(org: OrgId) -> Self {
        Self { org, actor: Actor::Operator, lock_mode: LockMode::Shared }
    }
}

/// Mode of the advisory lock on the organization that every write transaction takes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Any number of writers at the same time: the default.
    Shared,
    /// One writer, for changes of what an address resolves to. It waits for running writers and blocks new ones,
    /// so it must be short.
    Exclusive,
}

impl Writer {
    /// The statements that begin the transaction and set the organization. A UUID needs no quoting.
    pub(super) fn begin(&self) -> String {
        format!("BEGIN; SET LOCAL switchboard.org_id = '{}'", self.org)
    }

    /// The statement that takes the lock, held until the transaction ends: an address that was looked up keeps
    /// resolving to the same chat. Organizations whose ids have the same hash share a lock, which only costs time.
    pub(super) fn lock(&self) -> String {
        let function = match self.lock_mode {
            LockMode::Shared => "pg_advisory_xact_lock_shared",
            LockMode::Exclusive => "pg_advisory_xact_lock",
        };
        let (high, low) = self.org.as_uuid().as_u64_pair();
        format!("SELECT {function}({})", (high ^ low).cast_signed())
    }
}
