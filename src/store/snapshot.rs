//! Reading much at one moment: many statements that all see the same.

use diesel::connection::SimpleConnection;

use super::watched::name_of;
use super::{Connection, Store, StoreResult};
use crate::error::Result;

impl Store {
    /// Runs work that only reads in one transaction that sees the database as it was when it began, however long it
    /// takes. It holds a connection until then.
    pub async fn snapshot<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        self.run(name_of::<F>(), move |lease, _| {
            lease.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            let outcome = work(lease);
            // There is nothing to keep; a connection that cannot roll back is broken and will be replaced.
            let _ = lease.batch_execute("ROLLBACK");
            outcome
        })
        .await
    }
}
