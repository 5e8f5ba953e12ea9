//! Keyset pagination: a row comparison, which PostgreSQL turns into one position of an index.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

/// `(a, b) < (x, y)`: the rows after that position when all columns are in descending order. Written out with OR,
/// PostgreSQL would scan the index from its start.
#[derive(Clone, Copy, Debug, QueryId)]
pub(super) struct RowBelow<C, V> {
    columns: C,
    values: V,
}

/// Builds a [`RowBelow`]. `values` are bound, one for each of `columns`.
pub(super) fn row_below<C, V>(columns: C, values: V) -> RowBelow<C, V> {
    RowBelow { columns, values }
}

impl<C, V> Expression for RowBelow<C, V> {
    type SqlType = Bool;
}

impl<C, V, G> ValidGrouping<G> for RowBelow<C, V> {
    type IsAggregate = is_aggregate::No;
}

impl<C: AppearsOnTable<QS>, V, QS: ?Sized> AppearsOnTable<QS> for RowBelow<C, V> {}

impl<C: SelectableExpression<QS>, V, QS: ?Sized> SelectableExpression<QS> for RowBelow<C, V> {}

impl<C: QueryFragment<Pg>, V: QueryFragment<Pg>> QueryFragment<Pg> for RowBelow<C, V> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(") < (");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
