//! What readiness asks a store, and what it does about servers that do not answer.

use super::Store;
use super::migrations::{blocking, connect};
use super::pool::PoolConnection;
use super::queue::JobKind;
use super::readiness::{self, ServerRole};
use super::runner::Runner;
use super::write_status::WriteProblem;
use super::{timeline, transaction};
use switchboard_core::error::Result;

impl Store {
    /// Why writes fail, although the database answers; `None` while they succeed.
    pub fn write_problem(&self) -> Option<WriteProblem> {
        self.shared.writes.problem()
    }

    /// Writes as much as a small write needs, keeps nothing of it, and updates [`Self::write_problem`].
    pub async fn test_write(&self) -> Result<()> {
        let writes = self.shared.writes.clone();
        let test = move |connection: &mut PoolConnection, _| transaction::test(connection, &writes);
        self.run("store::test_write", (JobKind::Write, None), test).await
    }

    /// The role of the server that a new connection reaches.
    pub async fn server_role(&self) -> Result<ServerRole> {
        let url = self.shared.database.url();
        Ok(blocking(connect(&url).await?, readiness::server_role).await?.1)
    }

    /// How often another server has taken over, as far as this process knows.
    pub fn takeovers(&self) -> u64 {
        timeline::takeovers()
    }

    /// Whether connections are rejected because their server is a former primary.
    pub fn reaches_former_primary(&self) -> bool {
        timeline::reaches_former_primary()
    }

    /// Replaces all connections. For when they do not answer: their server hangs or is gone, and nothing closes them.
    pub fn abandon_connections(&self) {
        self.shared.runners.iter().for_each(Runner::abandon);
    }
}
