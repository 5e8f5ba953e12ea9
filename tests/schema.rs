//! The schema: migrations up and down, organization in every key, row level security, and diesel's `table!` blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::{Cluster, Database, ROOT};

/// Our own tables; `__diesel_schema_migrations` is diesel's, and extensions have some.
const OURS: &str = "c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_\\_%' AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')";

/// Types without a diesel equivalent; columns of these types are not declared.
const WITHOUT_DIESEL_TYPE: [&str; 2] = ["Tsvector", "xid8"];

#[tokio::test]
async fn migrations_can_be_applied_reverted_and_reapplied() {
    let database = Cluster::get().await.empty_database();
    database.migrate();
    let first = schema_objects(&database);
    let tables = format!("pg_class c WHERE c.relkind IN ('r', 'p', 'v') AND {OURS}");
    let migrations = fs::read_dir(Path::new(ROOT).join("migrations")).expect("migrations").count();
    for _ in 0..migrations {
        if database.sql().count(&tables) > 0 {
            database.cli_as_owner(&["migrate", "revert"]);
        }
    }
    assert_eq!(database.sql().count(&tables), 0, "a table or view is left over");
    let functions = "pg_proc WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE 'diesel\\_%'";
    assert_eq!(database.sql().count(functions), 0, "a function is left over");
    database.migrate();
    assert_eq!(schema_objects(&database), first);
}

#[tokio::test]
async fn table_blocks_match_the_migrated_database() {
    let database = Cluster::get().await.migrated_database().await;
    let actual = columns_of(&database);
    let declared = declared_tables();
    for (table, columns) in &declared {
        let real = actual.get(table).unwrap_or_else(|| panic!("no table or view {table}"));
        for (column, kind) in columns {
            let (is_view, real_kind) =
                real.get(column).unwrap_or_else(|| panic!("{table} has no column {column}"));
            // PostgreSQL reports every column of a view as nullable.
            let plain = |kind: &str| kind.replace("Nullable<", "").replace('>', "");
            let same = if *is_view { plain(kind) == plain(real_kind) } else { kind == real_kind };
            assert!(same, "{table}.{column} is {real_kind} in the database and {kind} in the code");
        }
    }
    let missing = actual.iter().flat_map(|(table, columns)| {
        let declared = declared.get(table);
        let typed =
            columns.iter().filter(|(_, (_, kind))| !WITHOUT_DIESEL_TYPE.iter().any(|t| kind.contains(t)));
        typed
            .filter(move |(column, _)| !declared.is_some_and(|declared| declared.contains_key(*column)))
            .map(move |(column, _)| format!("{table}.{column}"))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new(), "columns missing in a table! block");
}

#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let database = Cluster::get().await.migrated_database().await;
    let bare = format!(
        "SELECT c.relname || coalesce('.' || a.attname, '') AS name FROM pg_class c
         JOIN LATERAL (SELECT NULL::name AS attname, 0 AS attnum UNION ALL
             SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true
         LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
         WHERE c.relkind IN ('r', 'p') AND {OURS} AND coalesce(d.description, '') = '' ORDER BY 1"
    );
    assert_eq!(names(&database, &bare), Vec::<String>::new());
}

#[tokio::test]
async fn every_table_forces_row_level_security() {
    let database = Cluster::get().await.migrated_database().await;
    let open = format!(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relkind IN ('r', 'p') AND {OURS}
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
    );
    assert_eq!(names(&database, &open), Vec::<String>::new());
}

#[tokio::test]
async fn every_key_begins_with_the_organization() {
    let database = Cluster::get().await.migrated_database().await;
    let without_org = format!(
        "SELECT k.conname AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE k.contype IN ('p', 'u', 'f') AND {OURS} AND NOT (
             (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]) = 'org_id'
             AND (k.contype <> 'f' OR
                 (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) = 'org_id'))
         ORDER BY 1"
    );
    assert_eq!(names(&database, &without_org), Vec::<String>::new());
    let keyless = format!(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relkind IN ('r', 'p') AND {OURS}
         AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p') ORDER BY 1"
    );
    assert_eq!(names(&database, &keyless), Vec::<String>::new(), "tables without a primary key");
}

/// What keeps a table from being distributed by organization, besides the keys above.
#[tokio::test]
async fn nothing_keeps_a_table_from_being_distributed() {
    let database = Cluster::get().await.migrated_database().await;
    let rules = [
        (
            "unique indexes that do not begin with the organization",
            "SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
             WHERE i.indisunique AND pg_get_indexdef(i.indexrelid, 1, true) <> 'org_id'",
        ),
        (
            "triggers",
            "SELECT t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal",
        ),
        (
            "foreign keys that change rows other than by deleting them",
            "SELECT k.conname AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
             WHERE k.contype = 'f' AND (k.confupdtype <> 'a' OR k.confdeltype NOT IN ('a', 'c'))",
        ),
        (
            "functions that read tables",
            "SELECT p.proname AS name FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
             JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass WHERE c.relkind <> 'c'",
        ),
    ];
    for (what, query) in rules {
        assert_eq!(names(&database, &format!("{query} AND {OURS}")), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn a_write_for_one_organization_touches_no_row_of_another() {
    let database = Cluster::get().await.migrated_database().await;
    let [ours, theirs] = ["Acme", "Other"].map(|name| database.cli(&["org", "create", "--name", name]));
    let before = database.sql().fingerprint();
    database.sql().run_as(&ours, &format!("UPDATE orgs SET name = 'taken' WHERE org_id = '{theirs}'"));
    database.sql().run_as(&ours, &format!("DELETE FROM orgs WHERE org_id = '{theirs}'"));
    database.sql().run("UPDATE orgs SET name = 'taken without an organization'");
    assert_eq!(database.sql().fingerprint(), before);
}

fn names(database: &Database, query: &str) -> Vec<String> {
    let rows = database.sql().rows(query);
    rows.iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Columns, constraints, indexes, policies, views, functions and comments, as text.
fn schema_objects(database: &Database) -> BTreeSet<String> {
    let query = format!(
        "SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) AS name
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relkind IN ('r', 'p', 'v') AND {OURS}
         UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT format('%s', p) FROM pg_policies p
         UNION ALL SELECT viewname || definition FROM pg_views WHERE schemaname = 'public'
         UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"
    );
    names(database, &query).into_iter().collect()
}

type Columns<Kind> = BTreeMap<String, BTreeMap<String, Kind>>;

/// Table or view → column → whether it belongs to a view, and its diesel type.
fn columns_of(database: &Database) -> Columns<(bool, String)> {
    let query = format!(
        "SELECT c.relname AS name, a.attname AS column, c.relkind = 'v' AS is_view, a.attnotnull AS required,
                format_type(a.atttypid, NULL) AS kind,
                (SELECT json_agg(format_type(part.atttypid, NULL) ORDER BY part.attnum) FROM pg_type item
                 JOIN pg_attribute part ON part.attrelid = item.typrelid WHERE item.typarray = a.atttypid) AS parts
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relkind IN ('r', 'p', 'v') AND {OURS}"
    );
    let mut tables = Columns::new();
    for row in database.sql().rows(&query) {
        let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
        let parts = row["parts"].as_array().map(|parts| {
            let parts = parts.iter().filter_map(|part| part.as_str());
            parts.map(diesel_name).collect::<Vec<_>>().join(", ")
        });
        let kind = match parts {
            Some(parts) => format!("Array<Record<({parts})>>"),
            None => diesel_name(&text("kind")).to_owned(),
        };
        let kind = if row["required"] == true { kind } else { format!("Nullable<{kind}>") };
        let table = tables.entry(text("name")).or_default();
        table.insert(text("column"), (row["is_view"] == true, kind));
    }
    tables
}

fn diesel_name(kind: &str) -> &str {
    match kind {
        "uuid" => "Uuid",
        "text" => "Text",
        "text[]" => "Array<Text>",
        "bigint[]" => "Array<BigInt>",
        "bigint" => "BigInt",
        "integer" => "Integer",
        "smallint" => "SmallInt",
        "boolean" => "Bool",
        "jsonb" => "Jsonb",
        "tsvector" => "Tsvector",
        "bytea" => "Binary",
        "timestamp with time zone" => "Timestamptz",
        other => other,
    }
}

/// The `table!` blocks of `crates/store/`.
fn declared_tables() -> Columns<String> {
    let mut tables = Columns::new();
    for file in crate::support::files_under("crates/store/src", "rs") {
        let text = fs::read_to_string(&file).expect("a source file");
        for block in text.split("table! {").skip(1) {
            let block = block.split("\n}").next().unwrap_or_default();
            let mut table = String::new();
            let mut sql_name = None;
            for line in block.lines().map(str::trim) {
                if let Some(name) = line.strip_prefix("#[sql_name = \"") {
                    sql_name = name.strip_suffix("\"]").map(str::to_owned);
                } else if let Some((column, kind)) = line.split_once(" -> ") {
                    let column = sql_name.take().unwrap_or_else(|| column.to_owned());
                    let kind = kind.trim_end_matches(',').to_owned();
                    tables.entry(table.clone()).or_default().insert(column, kind);
                } else if line.starts_with("__") || line.starts_with("pg_") {
                    // A table of diesel or PostgreSQL.
                    break;
                } else if let Some((name, _)) = line.split_once(" (").filter(|_| !line.starts_with("//")) {
                    table = sql_name.take().unwrap_or_else(|| name.to_owned());
                }
            }
        }
    }
    tables
}

/// Statements contain the same text as the view in the database, with the organization's value.
#[tokio::test]
async fn views_are_the_texts_that_statements_contain() {
    let database = Cluster::get().await.migrated_database().await;
    let mut admin = database.admin();
    for view in ["chat_views", "event_views", "message_views"] {
        let text = Path::new(ROOT).join(format!("crates/store/src/views/{view}.sql"));
        let text = fs::read_to_string(text).expect("the view");
        admin.run(&format!("CREATE VIEW {view}_from_text AS {text}"));
        let definition = |view: &str| format!("SELECT pg_get_viewdef('{view}'::regclass)");
        assert_eq!(admin.value(&definition(&format!("{view}_from_text"))), admin.value(&definition(view)));
    }
}

/// A view compares the organizations of its tables with each other; a distributed planner needs the value in each.
#[test]
fn statements_that_read_views_name_the_organization_in_them() {
    let reads = [
        "message_views::table",
        "event_views::table",
        "FROM message_views",
        "FROM event_views",
        "org_rows!(message_views",
    ];
    let names = ["of_org(", "push_with("];
    let (mut checked, mut without_org) = (0, Vec::new());
    for file in crate::support::files_under("crates/store/src", "rs") {
        let text = fs::read_to_string(&file).expect("a source file");
        if reads.iter().any(|read| text.contains(read)) {
            checked += 1;
            if !names.iter().any(|name| text.contains(name)) {
                without_org.push(file);
            }
        }
    }
    assert!(checked > 5, "{checked} files");
    assert_eq!(without_org, Vec::<std::path::PathBuf>::new());
}
