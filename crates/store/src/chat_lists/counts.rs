//! How many chats pass each of several filters.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Nullable};

use super::filter::ChatFilter;
use super::matching::Matching;
use super::selective::BESIDE;
use crate::connection::{Connection, StoreResult};
use crate::lists::{ListScope, SessionScope, push};
use switchboard_core::ids::OrgId;

/// More chats are not counted.
pub const MOST_COUNTED: i64 = 1000;

/// The numbers of chats that sessions in scope hold and that pass each filter, at most [`MOST_COUNTED`] each. `None` when the
/// selected phone is unknown. One statement.
pub fn counts(
    connection: &mut Connection,
    org: OrgId,
    scope: &SessionScope,
    filters: &[ChatFilter],
) -> StoreResult<Option<Vec<i64>>> {
    let scope = ListScope::new(org, scope);
    let each = filters.iter().map(|filter| Matching::new(org, scope, filter)).collect();
    let counts: Vec<Option<i64>> = CountChats { each }.get_result(connection)?;
    Ok(counts.into_iter().collect())
}

struct CountChats<'a> {
    each: Vec<Matching<'a>>,
}

impl QueryFragment<Pg> for CountChats<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; "SELECT ARRAY[");
        for (index, matching) in self.each.iter().enumerate() {
            push!(out; if index == 0 { "(SELECT counted.total FROM (" } else { ", (SELECT counted.total FROM (" });
            matching.scope.push_session(out.reborrow())?;
            push!(out; ") one");
            matching.push_driver(out.reborrow())?;
            push!(out; " CROSS JOIN LATERAL (SELECT count(*) AS total FROM (");
            let selectives = matching.selectives();
            let is_frequent = if selectives.is_empty() { "" } else { " AND of_filter.driver IS NULL" };
            for (driver, selective) in selectives {
                push!(out; "(SELECT 1 FROM ");
                matching.push_selected(out.reborrow(), selective, BESIDE, "one.session_id")?;
                push!(out; " WHERE of_filter.driver = ", driver, ") UNION ALL ");
            }
            push!(out; "(SELECT 1 FROM ", matching.source(), " l WHERE ");
            matching.push_conditions(out.reborrow(), BESIDE, matching.scope.of_one("one.session_id"))?;
            push!(out; is_frequent, ") LIMIT ", [BigInt] &MOST_COUNTED, ") few) counted)");
        }
        push!(out; "]");
        Ok(())
    }
}

impl Query for CountChats<'_> {
    type SqlType = Array<Nullable<BigInt>>;
}

impl QueryId for CountChats<'_> {
    type QueryId = ();
    // diesel caches the prepared statement by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for CountChats<'_> {}
