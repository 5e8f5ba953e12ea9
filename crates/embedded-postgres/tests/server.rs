//! A server of the machine's PostgreSQL, from its first use to its last.

#![allow(clippy::expect_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::Command;

use embedded_postgres::{Embedded, SupervisedBy};

/// What `psql` prints for a statement; `None` when it fails.
fn query(server: &str, statement: &str) -> Option<String> {
    let output = Command::new("psql").args(["-XAt", "-c", statement, server]).output().expect("psql");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn start(data_dir: &Path) -> Embedded {
    Embedded::start(data_dir, "acme", SupervisedBy::ThisProcess).await.expect("a server")
}

#[tokio::test(flavor = "multi_thread")]
async fn server_runs_from_the_first_use_to_the_last() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = start(directory.path()).await;
    let url = first.url().to_owned();
    let role = "SELECT current_user || ' ' || current_database() || ' ' || rolsuper FROM pg_roles WHERE rolname = current_user";
    assert_eq!(query(&url, role).as_deref(), Some("acme acme false"));
    assert_eq!(query(&url, "CREATE TABLE kept (id int)").as_deref(), Some("CREATE TABLE"));

    let second = start(directory.path()).await;
    assert_eq!(second.url(), url);
    second.release().await;
    assert_eq!(query(&url, "SELECT count(*) FROM kept").as_deref(), Some("0"), "the first still uses it");
    assert!(!first.is_restarting());
    first.release().await;
    assert_eq!(query(&url, "SELECT 1"), None, "nobody uses it");

    let again = start(directory.path()).await;
    assert_eq!(query(&url, "SELECT count(*) FROM kept").as_deref(), Some("0"));
    again.release().await;
}

#[tokio::test]
async fn unusable_data_directory_is_rejected() {
    for (name, problem) in [("x".repeat(120), "choose a shorter one"), ("a,b".to_owned(), "without commas")] {
        let path = Path::new("/tmp").join(name);
        let failure = Embedded::start(&path, "acme", SupervisedBy::ThisProcess).await.expect_err("rejected");
        assert!(failure.to_string().contains(problem), "{failure}");
    }
}
