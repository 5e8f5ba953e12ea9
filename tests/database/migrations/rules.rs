//! Migrations after the first ones change the schema under a running service: `docs/operations.md` has the rules.

use std::fs;
use std::path::Path;

use crate::support::ROOT;

/// Migrations before this day were applied before the first release.
const FIRST_RELEASE: &str = "2026-12-01";

/// Statements that hold up requests while they read or write whole tables, or that running programs cannot work with.
const FORBIDDEN: [(&str, &str); 8] = [
    ("VACUUM FULL", "it rewrites the table under lock"),
    ("CLUSTER ", "it rewrites the table under lock"),
    ("LOCK TABLE", "it stops requests"),
    ("SET DATA TYPE", "it rewrites the table under lock: add a column"),
    (" TYPE ", "it rewrites the table under lock: add a column"),
    ("SET NOT NULL", "it reads the table under lock: add a CHECK constraint NOT VALID, then validate it"),
    ("RENAME ", "running programs use the old name"),
    ("UPDATE ", "it locks every row: the program fills new columns in batches"),
];

/// What a new column must not have as its default: it is computed for each row.
const VOLATILE: [&str; 5] = ["random", "clock_timestamp", "nextval", "uuid_generate", "GENERATED"];

/// Why a migration must not be applied to a running service.
fn violations(sql: &str, in_transaction: bool) -> Vec<String> {
    let code: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let statements: Vec<&str> =
        code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).collect();
    let mut found = Vec::new();
    for statement in &statements {
        let upper = statement.to_uppercase();
        let is_alter = upper.starts_with("ALTER TABLE");
        let of_new_table = upper.starts_with("CREATE TABLE");
        let mut add = |reason: &str| found.push(format!("{statement}: {reason}"));
        for (part, reason) in FORBIDDEN {
            if upper.contains(part) && !of_new_table && (part != " TYPE " || is_alter) {
                add(reason);
            }
        }
        let is_index = upper.starts_with("CREATE INDEX") || upper.starts_with("CREATE UNIQUE INDEX");
        let is_concurrent = upper.contains(" CONCURRENTLY");
        if (is_index || upper.starts_with("DROP INDEX") || upper.starts_with("REINDEX")) && !is_concurrent {
            add("it stops writes: use CONCURRENTLY");
        }
        if is_concurrent && (in_transaction || statements.len() > 1) {
            add(
                "CONCURRENTLY takes a migration of its own, with `run_in_transaction = false` in metadata.toml",
            );
        }
        if is_alter
            && upper.contains("ADD CONSTRAINT")
            && !upper.contains("NOT VALID")
            && !upper.contains("USING INDEX")
        {
            add(
                "it reads the table under lock: add NOT VALID, and VALIDATE CONSTRAINT in the next migration",
            );
        }
        if is_alter
            && upper.contains("ADD COLUMN")
            && VOLATILE.iter().any(|part| upper.contains(&part.to_uppercase()))
        {
            add("it rewrites the table under lock: add the column without this default");
        }
        let is_drop = upper.starts_with("DROP TABLE") || (is_alter && upper.contains("DROP COLUMN"));
        if is_drop && !code.contains("required_migration") {
            add("older programs use it: replace required_migration() in the same migration");
        }
    }
    found
}

#[test]
fn migrations_after_the_release_keep_the_service_running() {
    let folder = Path::new(ROOT).join("migrations");
    for migration in fs::read_dir(folder).expect("migrations").flatten() {
        let name = migration.file_name().to_string_lossy().into_owned();
        if name.as_str() < FIRST_RELEASE {
            continue;
        }
        let metadata = fs::read_to_string(migration.path().join("metadata.toml")).unwrap_or_default();
        let sql = fs::read_to_string(migration.path().join("up.sql")).expect("up.sql");
        let in_transaction = !metadata.contains("run_in_transaction = false");
        assert_eq!(violations(&sql, in_transaction), [] as [String; 0], "{name}");
    }
}

#[test]
fn unsafe_migration_is_recognized() {
    for bad in [
        "CREATE INDEX i ON chats (name)",
        "CREATE INDEX CONCURRENTLY i ON chats (name)",
        "ALTER TABLE chats ALTER COLUMN name TYPE varchar(10)",
        "ALTER TABLE chats ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE chats ADD CONSTRAINT c CHECK (name <> '')",
        "ALTER TABLE chats ADD COLUMN c uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE chats DROP COLUMN name",
        "ALTER TABLE chats RENAME COLUMN name TO title",
        "UPDATE chats SET name = ''",
    ] {
        assert_ne!(violations(bad, true), [] as [String; 0], "{bad}");
    }
    for (good, in_transaction) in [
        ("CREATE INDEX CONCURRENTLY i ON chats (name) -- of names", false),
        ("ALTER TABLE chats ADD COLUMN c text NOT NULL DEFAULT ''; COMMENT ON COLUMN chats.c IS 'new'", true),
        ("ALTER TABLE chats ADD CONSTRAINT c CHECK (name <> '') NOT VALID", true),
        ("ALTER TABLE chats VALIDATE CONSTRAINT c", true),
        ("CREATE TABLE added (org_id uuid NOT NULL, name text CHECK (name <> ''))", true),
    ] {
        assert_eq!(violations(good, in_transaction), [] as [String; 0], "{good}");
    }
}
