//! How a transaction that writes begins: whose rows it may write, who is told to have changed them, and who may write at the
//! same time.

use crate::caller::Actor;
use crate::ids::OrgId;

/// Whose rows a transaction may write, and who is told to have changed them.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The organization.
    pub org: OrgId,
    /// Whoever makes the changes.
    pub actor: Actor,
    /// Who else may write to it at the same time.
    pub company: LockMode,
}

impl From<OrgId> for Writer {
    fn from(org: OrgId) -> Self {
        Self { org, actor: Actor::Operator, company: LockMode::Others }
    }
}

/// Who else may write to an organization while a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// As a rule, everybody.
    Others,
    /// For what would pull the rug from under others. It waits for those that run and keeps others waiting, so it has to
    /// be short.
    Nobody,
}

impl LockMode {
    /// The lock, held until the transaction ends, that every writing transaction takes before it looks at anything: what
    /// a chat's address leads to cannot change any more once it was looked up.
    const fn lock(self) -> &'static str {
        match self {
            Self::Others => "pg_advisory_xact_lock_shared",
            Self::Nobody => "pg_advisory_xact_lock",
        }
    }
}

impl Writer {
    /// Begins the transaction, and says whose it is.
    ///
    /// Neither a UUID nor hex has anything to quote, and PostgreSQL has no text with NUL.
    pub(super) fn begin(&self) -> String {
        let Self { org, actor, .. } = self;
        let actor: String =
            actor.to_string().bytes().filter(|byte| *byte != 0).map(|byte| format!("{byte:02x}")).collect();
        format!("BEGIN; SET LOCAL switchboard.org_id = '{org}'; SET LOCAL switchboard.actor = '{actor}'")
    }

    /// Waits for its turn. Organizations whose halves come to the same number share a lock, which costs them nothing but
    /// pool_options.
    pub(super) fn lock(&self) -> String {
        let (high, low) = self.org.as_uuid().as_u64_pair();
        format!("SELECT {}({})", self.company.lock(), (high ^ low).cast_signed())
    }
}
