//! What is wrong with how the service is set up: told by `doctor`, and where it is unsafe, refused by `serve`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::Place;
use crate::support::{Certificates, Cluster, Database, Server, text};

/// Runs `doctor` and returns its exit code and the verdict on each thing that it looked at.
fn doctor(command: &mut Command) -> (Option<i32>, Value) {
    let output = command.args(["doctor", "--json"]).output().expect("the binary");
    let findings: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), findings)
}

/// What was found out about one thing.
fn of<'f>(findings: &'f Value, check: &str) -> &'f Value {
    let found = findings.as_array().expect("findings").iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check} in {findings}"))
}

/// How `serve` ends that must not start.
fn refused(command: &mut Command) -> String {
    let output = command.args(["serve", "--listen", "127.0.0.1:0"]).output().expect("the binary");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    stderr
}

#[tokio::test]
async fn nothing_is_wrong_with_a_database_of_ones_own_and_a_plain_role() {
    let database = Cluster::get().await.migrated_database().await;
    let (code, findings) = doctor(&mut database.command(&[]));
    assert_eq!(code, Some(0), "{findings}");
    for check in ["cursor key", "listener", "schema", "database role", "connections", "indexes", "clock"] {
        assert_eq!(of(&findings, check)["verdict"], "ok", "{findings}");
    }
    let lines = database.cli(&["doctor"]);
    assert!(lines.lines().all(|line| line.split('\t').count() == 3), "{lines}");
}

#[test]
fn nothing_is_wrong_with_the_private_database() {
    let place = Place::new();
    let (code, findings) = doctor(&mut place.command(&[]));
    // It is made, and migrated by whoever needs its tables.
    assert_eq!((code, &of(&findings, "schema")["verdict"]), (Some(1), &"failed".into()), "{findings}");
    place.ask(&["org", "create", "--name", "Acme"]);
    let (code, findings) = doctor(&mut place.command(&[]));
    assert_eq!(code, Some(0), "{findings}");
    assert!(findings.as_array().expect("findings").iter().all(|finding| finding["check"] != "database role"));
    place.wait_until_empty();
}

#[tokio::test]
async fn a_role_that_no_row_level_security_binds_is_refused() {
    let database = Cluster::get().await.migrated_database().await;
    let roles = ["a_superuser", "b_bypasser"];
    database.admin().run("CREATE ROLE a_superuser LOGIN SUPERUSER; CREATE ROLE b_bypasser LOGIN BYPASSRLS");
    database.admin().run("GRANT ALL ON ALL TABLES IN SCHEMA public TO b_bypasser");
    for role in roles {
        let told = refused(&mut as_role(&database, role, &[]));
        assert!(told.contains("--database-url") && told.contains("NOSUPERUSER NOBYPASSRLS"), "{told}");
        let (code, findings) = doctor(&mut as_role(&database, role, &[]));
        assert_eq!(
            (code, &of(&findings, "database role")["verdict"]),
            (Some(1), &"refused".into()),
            "{role}"
        );
        // What sets the database up may be anybody.
        let listed = as_role(&database, role, &["org", "list"]).status().expect("the binary");
        assert!(listed.success(), "{role}");
    }
}

#[tokio::test]
async fn a_role_that_is_only_known_later_is_refused_then() {
    let database = Cluster::get().await.empty_database();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let [unsafe_server, safe_server] = [
        Server::listening(&as_role(&database, "admin", &serve)).await,
        Server::listening(&database.command(&serve)).await,
    ];
    database.cli(&["migrate", "up"]);
    assert_eq!(unsafe_server.process.ended().await, 64);
    assert!(unsafe_server.process.log().contains("NOBYPASSRLS"), "{}", unsafe_server.process.log());
    safe_server.process.wait_for("readiness", |log| log.contains("switchboard is ready").then_some(())).await;
    assert_eq!(safe_server.process.terminate().await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_told_with_what_mends_it() {
    let database = Cluster::get().await.empty_database();
    let (code, findings) = doctor(&mut database.command(&[]));
    assert_eq!(code, Some(1));
    assert_eq!(of(&findings, "schema")["remedy"], "run `switchboard migrate up`");
    assert_eq!(of(&findings, "database role")["verdict"], "warning");

    database.cli(&["migrate", "up"]);
    database.admin().run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orgs_pkey'::regclass");
    let (code, findings) = doctor(database.command(&[]).env("SWITCHBOARD_DATABASE_POOL_SIZE", "200"));
    assert_eq!(code, Some(1));
    assert_eq!(of(&findings, "indexes")["detail"], "not valid: orgs_pkey");
    let connections = of(&findings, "connections");
    assert_eq!(connections["verdict"], "warning");
    assert!(
        connections["detail"].as_str().is_some_and(|told| told.contains("306 of the 397")),
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
async fn a_key_that_everybody_can_read_is_refused_and_another_secret_told() {
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
    let told = refused(&mut with_tls());
    assert!(told.contains(&format!("chmod o-r {}", text(&key))), "{told}");
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
async fn keys_of_login_tokens_are_fetched_once_to_see_whether_they_can_be() {
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
        (code, of(&findings, "login keys")["verdict"].as_str().expect("a verdict").to_owned())
    };
    let failed = (Some(1), "failed".to_owned());
    assert_eq!(with_keys("http://127.0.0.1:1/jwks.json"), failed);
    assert_eq!(with_keys(text(&file)), failed);
    fs::write(&file, r#"{"keys": []}"#).expect("a file");
    assert_eq!(with_keys(text(&file)), failed);
    let key =
        r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    fs::write(&file, key).expect("a file");
    assert_eq!(with_keys(text(&file)), (Some(0), "ok".to_owned()));
}

/// The binary, working as another role.
fn as_role(database: &Database, role: &str, args: &[&str]) -> Command {
    let mut command = database.command(args);
    command.env("SWITCHBOARD_DATABASE_URL", database.url.replacen("switchboard@", &format!("{role}@"), 1));
    command
}

fn allow(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("ours");
}
