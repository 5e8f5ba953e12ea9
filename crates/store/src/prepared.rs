//! Statements that diesel would prepare at each call.

use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;

/// A statement whose text has few variants, prepared once a connection.
///
/// diesel prepares UPDATE and ON CONFLICT DO UPDATE at each call, which takes a round trip and the time of the planner. It
/// does so in `execute` here, too: the statement must return rows.
pub struct Prepared<S>(S);

/// See [`Prepared`].
pub fn prepared<S>(statement: S) -> Prepared<S> {
    Prepared(statement)
}

impl<S> QueryId for Prepared<S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<S> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<S: Query> Query for Prepared<S> {
    type SqlType = S::SqlType;
}

impl<S> RunQueryDsl<PgConnection> for Prepared<S> {}
