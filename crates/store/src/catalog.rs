//! PostgreSQL's system catalogs and functions, those of the migrations, and diesel's table of migrations.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Text};

/// A row with one text, `value`, of a query of the catalogs.
#[derive(QueryableByName)]
pub(super) struct TextRow {
    #[diesel(sql_type = Text)]
    pub(super) value: String,
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn analyze_grown_tables() -> Integer;
    fn clock_timestamp() -> Timestamptz;
    fn current_schema() -> Nullable<Text>;
    fn current_setting(name: Text) -> Text;
    #[sql_name = "current_setting"]
    fn current_setting_if_any(name: Text, missing_ok: Bool) -> Nullable<Text>;
    fn pg_is_in_recovery() -> Bool;
    fn pg_postmaster_start_time() -> Timestamptz;
    fn pg_try_advisory_lock(key: BigInt) -> Bool;
    fn row_security_active(table: Text) -> Bool;
    fn to_regclass(name: Text) -> Nullable<Oid>;
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

diesel::table! {
    pg_tables (schemaname, tablename) {
        schemaname -> Text,
        tablename -> Text,
    }
}

diesel::table! {
    pg_index (indexrelid) {
        indexrelid -> Oid,
        indisvalid -> Bool,
    }
}

diesel::table! {
    pg_class (oid) {
        oid -> Oid,
        relname -> Text,
    }
}

diesel::table! {
    pg_extension (oid) {
        oid -> Oid,
        extname -> Text,
    }
}

diesel::joinable!(pg_index -> pg_class (indexrelid));
diesel::allow_tables_to_appear_in_same_query!(pg_index, pg_class);
