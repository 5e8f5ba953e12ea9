//! `doctor` reports problems of the settings, files and database; `serve` refuses to start with unsafe ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::Place;
use crate::support::{Certificates, Cluster, Database, Server, text};

/// Runs `doctor` and returns its exit code and findings.
fn doctor(command: &mut Command) -> (Option<i32>, Value) {
    let output = command.args(["doctor", "--json"]).output().expect("the binary");
    let findings: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), findings)
}

/// The finding of one check.
fn of<'f>(findings: &'f Value, check: &str) -> &'f Value {
    let found = findings.as_array().expect("findings").iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check} in {findings}"))
}

/// The standard error of a `serve` that must refuse to start.
fn refused(command: &mut Command) -> String {
    let output = command.args(["serve", "--listen", "127.0.0.1:0"]).output().expect("the binary");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    stderr
}

#[tokio::test]
async fn doctor_passes_with_own_database_and_plain_role() {
    let database = Cluster::get().await.migrated_database().await;
    let (code, findings) = doctor(&mut database.command(&[]));
    assert_eq!(code, Some(0), "{findings}");
    for check in [
        "signing key",
        "listener",
        "schema",
        "server role",
        "connection pooler",
        "database role",
        "connections",
        "indexes",
        "clock",
    ] {
        assert_eq!(of(&findings, check)["verdict"], "ok", "{findings}");
    }
    let lines = database.cli(&["doctor"]);
    assert!(lines.lines().all(|line| line.split('\t').count() == 3), "{lines}");
}

#[test]
fn doctor_passes_with_embedded_postgresql() {
    let place = Place::new();
    let (code, findings) = doctor(&mut place.command(&[]));
    // `doctor` creates it, and does not migrate it.
    assert_eq!((code, &of(&findings, "schema")["verdict"]), (Some(1), &"failed".into()), "{findings}");
    place.ask(&["org", "create", "--name", "Acme"]);
    let (code, findings) = doctor(&mut place.command(&[]));
    assert_eq!(code, Some(0), "{findings}");
    assert!(findings.as_array().expect("findings").iter().all(|finding| finding["check"] != "database role"));
    place.wait_until_empty();
}

#[tokio::test]
async fn role_that_bypasses_row_security_is_refused() {
    let database = Cluster::get().await.migrated_database().await;
    let roles = ["a_superuser", "b_bypasser"];
    database.admin().run("CREATE ROLE a_superuser LOGIN SUPERUSER; CREATE ROLE b_bypasser LOGIN BYPASSRLS");
    database.admin().run("GRANT ALL ON ALL TABLES IN SCHEMA public TO b_bypasser");
    for role in roles {
        let error = refused(&mut as_role(&database, role, &[]));
        assert!(error.contains("--database-url") && error.contains("NOSUPERUSER NOBYPASSRLS"), "{error}");
        let (code, findings) = doctor(&mut as_role(&database, role, &[]));
        assert_eq!(
            (code, &of(&findings, "database role")["verdict"]),
            (Some(1), &"refused".into()),
            "{role}"
        );
        // Setup commands work with any role.
        let listed = as_role(&database, role, &["org", "list"]).status().expect("the binary");
        assert!(listed.success(), "{role}");
    }
}

#[tokio::test]
async fn unsafe_role_is_refused_after_a_late_migration() {
    let database = Cluster::get().await.empty_database();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let [unsafe_server, safe_server] = [
        Server::listening(&as_role(&database, "admin", &serve)).await,
        Server::listening(&database.command(&serve)).await,
    ];
    database.migrate();
    assert_eq!(unsafe_server.process.ended().await, 64);
    assert!(unsafe_server.process.log().contains("NOBYPASSRLS"), "{}", unsafe_server.process.log());
    safe_server.process.wait_for("readiness", |log| log.contains("switchboard is ready").then_some(())).await;
    assert_eq!(safe_server.process.terminate().await, 0);
}

#[tokio::test]
async fn database_problem_is_reported_with_a_remedy() {
    let database = Cluster::get().await.empty_database();
    let (code, findings) = doctor(&mut database.command(&[]));
    assert_eq!(code, Some(1));
    assert_eq!(of(&findings, "schema")["remedy"], "run `switchboard migrate up`");
    assert_eq!(of(&findings, "database role")["verdict"], "warning");

    database.migrate();
    database.admin().run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orgs_pkey'::regclass");
    let (code, findings) = doctor(database.command(&[]).env("SWITCHBOARD_DATABASE_POOL_SIZE", "200"));
    assert_eq!(code, Some(1));
    assert_eq!(of(&findings, "indexes")["detail"], "not valid: orgs_pkey");
    let connections = of(&findings, "connections");
    assert_eq!(connections["verdict"], "warning");
    assert!(
        connections["detail"].as_str().is_some_and(|detail| detail.contains("307 of the 397")),
        "{connections}"
    );
    let (_, findings) = doctor(database.command(&[]).env("SWITCHBOARD_DATABASE_POOL_SIZE", "1000"));
    assert_eq!(of(&findings, "connections")["verdict"], "failed");

    let mut nowhere = database.command(&[]);
    nowhere.env("SWITCHBOARD_DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/db");
    let (code, findings) = doctor(&mut nowhere);
    assert_eq!((code, &of(&findings, "database")["verdict"]), (Some(1), &"failed".into()));
    assert!(!findings.to_string().contains("hunter2"));
}

#[tokio::test]
async fn world_readable_tls_key_is_refused_and_secret_file_warned() {
    let database = Cluster::get().await.migrated_database().await;
    let files = Certificates::new();
    let authority = files.authority("authority");
    let [cert, key] = files.put(&authority.sign(2040));
    let with_tls = || {
        let mut command = database.command(&[]);
        command.env("SWITCHBOARD_TLS_CERT", &cert).env("SWITCHBOARD_TLS_KEY", &key);
        command
    };
    let (code, findings) = doctor(&mut with_tls());
    assert_eq!(code, Some(0), "{findings}");
    assert_eq!([&of(&findings, "TLS key")["verdict"], &of(&findings, "certificate")["verdict"]], ["ok"; 2]);

    allow(&key, 0o604);
    let error = refused(&mut with_tls());
    assert!(error.contains(&format!("chmod o-r {}", text(&key))), "{error}");
    assert_eq!(of(&doctor(&mut with_tls()).1, "TLS key")["verdict"], "refused");
    allow(&key, 0o640);
    assert_eq!(of(&doctor(&mut with_tls()).1, "TLS key")["verdict"], "ok");

    files.put(&authority.sign(2001));
    let (code, findings) = doctor(&mut with_tls());
    assert_eq!((code, &of(&findings, "certificate")["detail"]), (Some(1), &"it has expired".into()));

    let secret = files.path("url");
    fs::write(&secret, &database.url).expect("a file");
    for (mode, verdict) in [(0o600, "ok"), (0o644, "warning")] {
        allow(&secret, mode);
        let mut command = database.command(&[]);
        command.env_remove("SWITCHBOARD_DATABASE_URL").env("SWITCHBOARD_DATABASE_URL_FILE", &secret);
        let (code, findings) = doctor(&mut command);
        assert_eq!((code, &of(&findings, "secret file")["verdict"]), (Some(0), &verdict.into()));
    }
    let (code, findings) = doctor(database.command(&[]).env("SWITCHBOARD_LISTEN", "0.0.0.0:8080"));
    assert_eq!((code, &of(&findings, "listener")["verdict"]), (Some(0), &"warning".into()));
}

#[tokio::test]
async fn doctor_fetches_the_jwks_once() {
    let database = Cluster::get().await.migrated_database().await;
    let folder = Certificates::new();
    let file = folder.path("jwks.json");
    let with_keys = |location: &str| {
        let mut command = database.command(&[]);
        command
            .env("SWITCHBOARD_JWKS_URL", location)
            .env("SWITCHBOARD_JWT_ISSUER", "https://login.acme.example");
        command.env("SWITCHBOARD_JWT_AUDIENCE", "inbox");
        let (code, findings) = doctor(&mut command);
        assert!(!of(&findings, "login keys").to_string().contains("secret"), "{findings:?}");
        (code, of(&findings, "login keys")["verdict"].as_str().expect("a verdict").to_owned())
    };
    let failed = (Some(1), "failed".to_owned());
    assert_eq!(with_keys("http://user:secret@127.0.0.1:1/jwks.json?token=secret"), failed);
    assert_eq!(with_keys(text(&file)), failed);
    fs::write(&file, r#"{"keys": []}"#).expect("a file");
    assert_eq!(with_keys(text(&file)), failed);
    let key =
        r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    fs::write(&file, key).expect("a file");
    assert_eq!(with_keys(text(&file)), (Some(0), "ok".to_owned()));
}

/// The program with another database role.
fn as_role(database: &Database, role: &str, args: &[&str]) -> Command {
    let mut command = database.command(args);
    command.env("SWITCHBOARD_DATABASE_URL", database.url.replacen("switchboard@", &format!("{role}@"), 1));
    command
}

fn allow(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("ours");
}
