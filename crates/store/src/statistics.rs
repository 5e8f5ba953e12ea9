//! The planner's statistics of tables.

use diesel::prelude::*;

use crate::catalog::analyze_grown_tables;
use crate::connection::{Connection, StoreResult};

/// Analyzes tables that have grown to three times their size since they were analyzed. All connections then plan their
/// statements about them again. Returns the number of tables.
pub fn analyze_grown(connection: &mut Connection) -> StoreResult<i32> {
    Ok(diesel::select(analyze_grown_tables()).get_result(connection)?)
}
