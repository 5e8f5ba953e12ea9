//! Many rows in one statement: arrays are bound and `unnest` turns them into rows.
//!
//! The statement's text does not depend on the number of rows, so it is prepared once, and the limit of 65,535 bind
//! parameters does not apply.

use diesel::expression::{
    AppearsOnTable, AsExpression, Expression, SelectableExpression, ValidGrouping, is_aggregate,
};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Bool, SingleValue, SqlType, Uuid};

use super::routing;
use switchboard_core::ids::OrgId;

diesel::define_sql_function! {
    /// The elements of an array as rows. Several in one select list advance together.
    fn unnest<T: SqlType + SingleValue>(values: Array<T>) -> T;
}

/// `(org_id, a, b) IN (SELECT …, * FROM unnest(…, …))`: the rows of an organization that have one of many keys.
///
/// `OFFSET 0` keeps the organization part of each key. With a separate condition on `org_id`, and with `= ANY`, PostgreSQL
/// may estimate a new organization as small, scan all of its rows and compare each with every key. Citus needs that condition.
#[derive(QueryId)]
pub struct KeyIn<O, C, A> {
    org_column: O,
    columns: C,
    org: OrgId,
    arrays: A,
}

/// See [`KeyIn`]. `arrays` are bound arrays, one for each of `columns`.
pub fn key_in<O, C, A>(org_column: O, columns: C, org: OrgId, arrays: A) -> KeyIn<O, C, A> {
    KeyIn { org_column, columns, org, arrays }
}

/// Binds an array of that SQL type.
pub fn array<ST, V>(values: V) -> V::Expression
where
    ST: SqlType + SingleValue + 'static,
    V: AsExpression<Array<ST>>,
{
    values.as_expression()
}

impl<O, C, A> Expression for KeyIn<O, C, A> {
    type SqlType = Bool;
}

impl<O, C, A, G> ValidGrouping<G> for KeyIn<O, C, A> {
    type IsAggregate = is_aggregate::No;
}

impl<O: AppearsOnTable<QS>, C: AppearsOnTable<QS>, A, QS: ?Sized> AppearsOnTable<QS> for KeyIn<O, C, A> {}

impl<O: SelectableExpression<QS>, C: SelectableExpression<QS>, A, QS: ?Sized> SelectableExpression<QS>
    for KeyIn<O, C, A>
{
}

impl<O: QueryFragment<Pg>, C: QueryFragment<Pg>, A: QueryFragment<Pg>> QueryFragment<Pg> for KeyIn<O, C, A> {
    // Both texts bind the same values: diesel caches the text.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let is_by_org = routing::is_by_org();
        out.push_sql("(");
        self.org_column.walk_ast(out.reborrow())?;
        if is_by_org {
            out.push_sql(" = ");
            out.push_bind_param::<Uuid, _>(&self.org)?;
            out.push_sql(" AND (");
            self.columns.walk_ast(out.reborrow())?;
            out.push_sql(") IN (SELECT * FROM unnest(");
        } else {
            out.push_sql(", ");
            self.columns.walk_ast(out.reborrow())?;
            out.push_sql(") IN (SELECT ");
            out.push_bind_param::<Uuid, _>(&self.org)?;
            out.push_sql(", * FROM unnest(");
        }
        self.arrays.walk_ast(out.reborrow())?;
        out.push_sql(if is_by_org { ") OFFSET 0))" } else { ") OFFSET 0)" });
        Ok(())
    }
}

/// `UPDATE … SET … FROM unnest(…)`: sets different values in every row with one statement.
///
/// An upsert would take an identity value for every row that it does not insert.
pub struct UpdateRows<A> {
    /// The table.
    pub table: &'static str,
    /// The key's columns after `org_id`.
    pub keys: &'static [&'static str],
    /// The columns to set.
    pub columns: &'static [&'static str],
    /// The organization.
    pub org: OrgId,
    /// Bound arrays for the keys, then for the columns.
    pub arrays: A,
}

impl<A> QueryId for UpdateRows<A> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A: QueryFragment<Pg>> QueryFragment<Pg> for UpdateRows<A> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_identifier(self.table)?;
        for (index, column) in self.columns.iter().enumerate() {
            out.push_sql(if index == 0 { " SET " } else { ", " });
            out.push_identifier(column)?;
            out.push_sql(" = v.");
            out.push_identifier(&new(column))?;
        }
        out.push_sql(" FROM (SELECT ");
        out.push_bind_param::<Uuid, _>(&self.org)?;
        out.push_sql(" AS org_id, * FROM unnest(");
        self.arrays.walk_ast(out.reborrow())?;
        let keys = self.keys.iter().map(|key| (*key).to_owned());
        for (index, column) in keys.chain(self.columns.iter().map(|column| new(column))).enumerate() {
            out.push_sql(if index == 0 { ") AS v(" } else { ", " });
            out.push_identifier(&column)?;
        }
        // See [`KeyIn`].
        out.push_sql(") OFFSET 0) v WHERE ");
        out.push_identifier(self.table)?;
        out.push_sql(".org_id = v.org_id");
        if routing::is_by_org() {
            out.push_sql(" AND ");
            out.push_identifier(self.table)?;
            out.push_sql(".org_id = ");
            out.push_bind_param::<Uuid, _>(&self.org)?;
        }
        for key in self.keys {
            out.push_sql(" AND ");
            out.push_identifier(self.table)?;
            out.push_sql(".");
            out.push_identifier(key)?;
            out.push_sql(" = v.");
            out.push_identifier(key)?;
        }
        Ok(())
    }
}

impl<A> RunQueryDsl<PgConnection> for UpdateRows<A> {}

/// The name of a column's new value: a column may be part of the key and be set, too.
fn new(column: &str) -> String {
    format!("new_{column}")
}

/// Binds a column's values of all rows as an array of the column's SQL type.
macro_rules! column_array {
    ($table:ident::$column:ident, $rows:expr, $row:ident, $value:expr) => {
        $crate::bulk::array::<<$table::$column as diesel::Expression>::SqlType, _>(
            // A value such as the current time does not use the row.
            $rows
                .iter()
                .map(|$row| {
                    let _ = $row;
                    $value
                })
                .collect::<Vec<_>>(),
        )
    };
}

/// The condition that a row has one of many keys; see [`KeyIn`].
macro_rules! has_key_of {
    ($org:expr, $table:ident, $keys:expr, |$key:ident| { $($column:ident: $value:expr),+ $(,)? }) => {
        $crate::bulk::key_in(
            $table::org_id,
            ($($table::$column,)+),
            $org,
            ($($crate::bulk::column_array!($table::$column, $keys, $key, $value),)+),
        )
    };
}

/// `INSERT INTO table SELECT org_id, unnest($1), …`: one statement for all rows, to which the caller adds `on_conflict`.
macro_rules! insert_rows {
    ($org:expr, $table:ident, $rows:expr, |$row:ident| { $($column:ident: $value:expr),+ $(,)? }) => {
        diesel::select((
            diesel::IntoSql::into_sql::<diesel::sql_types::Uuid>($org),
            $($crate::bulk::unnest(
                $crate::bulk::column_array!($table::$column, $rows, $row, $value)
            ),)+
        ))
        .insert_into($table::table)
        .into_columns(($table::org_id, $($table::$column,)+))
    };
}

/// One [`UpdateRows`] statement for all rows: columns of the key, then the columns to set.
macro_rules! update_rows {
    (
        $org:expr, $table:ident, $rows:expr,
        |$row:ident| { $($key:ident: $key_value:expr),+ $(,)? } set { $($column:ident: $value:expr),+ $(,)? }
    ) => {
        $crate::bulk::UpdateRows {
            table: stringify!($table),
            keys: &[$(<$table::$key as diesel::query_source::Column>::NAME),+],
            columns: &[$(<$table::$column as diesel::query_source::Column>::NAME),+],
            org: $org,
            arrays: (
                $($crate::bulk::column_array!($table::$key, $rows, $row, $key_value),)+
                $($crate::bulk::column_array!($table::$column, $rows, $row, $value),)+
            ),
        }
    };
}

/// The assignments of an upsert that replaces these columns.
macro_rules! replace_columns {
    ($table:ident: $($column:ident),+) => {
        ($($table::$column.eq(diesel::upsert::excluded($table::$column)),)+)
    };
}

pub(crate) use {column_array, has_key_of, insert_rows, replace_columns, update_rows};
