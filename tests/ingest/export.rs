//! `switchboard export`: importing its output recreates the organization.

mod answers;
mod rich;

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::{env, fs};

use serde_json::{Value, json};
use switchboard::actions::orgs;

use super::TestOrg;
use crate::support::{Database, Server};
use answers::answers;
use rich::rich_organization;

/// A file, deleted after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(extension: &str) -> Self {
        Self(env::temp_dir().join(format!("sb-export-{}.{extension}", uuid::Uuid::now_v7().simple())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl TestOrg {
    fn export(&self, args: &[&str]) -> Output {
        let org = self.org.to_string();
        let mut command = self.database.command(&["export", "--org", &org]);
        command.args(args).stdin(Stdio::null()).output().expect("the binary")
    }

    /// The lines of a successful export.
    fn exported(&self, args: &[&str]) -> Vec<Value> {
        let output = self.export(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// A new, empty organization in the same database.
    async fn empty(&self) -> Self {
        let org = orgs::create(&self.store, None, "Elsewhere").await.expect("an organization");
        Self { database: self.database.clone(), store: self.store.clone(), org }
    }

    fn import_file(&self, file: &str) {
        self.database.cli(&["import", file, "--org", &self.org.to_string()]);
    }

    /// All stored data, including the organization's own data of chats.
    fn whole_copy(&self) -> Vec<(&'static str, Vec<Value>)> {
        let tables = [
            (
                "chats",
                "SELECT chat_id, assignee, hubspot_metadata, closed_at, updated_at, invite_link,
                        info_admins_only, messages_admins_only, add_members_admins_only FROM chats x",
            ),
            ("numbers", "SELECT session_id, phone, phone_id, lid, label, created_at FROM sessions x"),
            ("members", "SELECT member_key, email, name, role, created_at FROM members x"),
            ("labels", "SELECT label_id, name, label_key, color, created_at FROM labels x"),
            ("properties", "SELECT property_id, name, kind, options, created_at FROM properties x"),
            (
                "chat_labels",
                "SELECT chat_id, label_id FROM chat_labels x JOIN chats USING (org_id, chat_key)",
            ),
            (
                "chat_properties",
                "SELECT chat_id, property_id, value FROM chat_properties x JOIN chats USING (org_id, chat_key)",
            ),
            (
                "notes",
                "SELECT chat_id, note_id, body, author, x.created_at, x.updated_at
                    FROM notes x JOIN chats USING (org_id, chat_key)",
            ),
            (
                "chat_access",
                "SELECT chat_id, member_key, allowed FROM chat_access x JOIN chats USING (org_id, chat_key)",
            ),
        ];
        let mut copy = self.copy();
        copy.extend(tables.into_iter().map(|(table, query)| {
            let ordered = format!("SELECT * FROM ({query} WHERE x.org_id = $org) y ORDER BY y::text");
            (table, self.rows(&ordered))
        }));
        copy
    }
}

fn assert_same(before: &[(&'static str, Vec<Value>)], after: &[(&'static str, Vec<Value>)]) {
    for ((table, before), (_, after)) in before.iter().zip(after) {
        let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).take(3).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).take(3).collect();
        assert!(before == after, "{table}: lost {lost:#?}\nnew {new:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_of_an_export_answers_the_same_on_every_route() {
    let origin = rich_organization().await;
    let copy = origin.empty().await;
    let file = Scratch::new("ndjson.gz");
    let output = origin.export(&[file.path()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    copy.import_file(file.path());

    let (before, after) = (origin.whole_copy(), copy.whole_copy());
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "nothing in {table} to compare");
    }
    assert_same(&before, &after);
    let server = Server::start(&origin.database, "127.0.0.1:0", &[]).await;
    let before = answers(&server, &origin).await;
    let after = answers(&server, &copy).await;
    assert!(before.len() > 300, "{} answers", before.len());
    assert!(before.keys().eq(after.keys()), "the paths differ");
    for (path, answer) in &before {
        assert_eq!(*answer, after[path], "{path}");
    }

    // A second import changes nothing, and the copy exports the same lines.
    copy.import_file(file.path());
    assert_same(&copy.whole_copy(), &origin.whole_copy());
    let sorted = |inbox: &TestOrg| {
        let mut lines: Vec<_> = inbox.exported(&[]).iter().map(Value::to_string).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&copy), sorted(&origin));
}

#[tokio::test]
async fn export_of_one_session_has_only_its_data() {
    let origin = rich_organization().await;
    let number = origin.row("SELECT session_id FROM sessions WHERE org_id = $org AND phone = '15550100401'");
    let session = number["session_id"].as_str().expect("an id");
    let lines = origin.exported(&["--session", session]);
    assert!(lines.iter().all(|line| line.get("session").is_none_or(|session| session == "15550100401")));
    let copy = origin.empty().await;
    let file = Scratch::new("ndjson");
    assert!(origin.export(&["--session", session, file.path()]).status.success());
    copy.import_file(file.path());
    let held = |inbox: &TestOrg, table: &str| {
        let count =
            format!("SELECT count(*) AS n FROM {table} WHERE org_id = $org AND session_id = '{session}'");
        inbox.row(&count)["n"].clone()
    };
    let links = "SELECT address, person FROM person_links WHERE org_id = $org ORDER BY 1";
    assert_eq!(copy.rows(links), origin.rows(links), "any of them may be an author");
    for table in ["session_chats", "messages"] {
        assert_ne!(held(&copy, table), json!(0));
        assert_eq!(held(&copy, table), held(&origin, table), "{table}");
    }
    let all = |table: &str| {
        copy.row(&format!("SELECT count(*) AS n FROM {table} WHERE org_id = $org"))["n"].clone()
    };
    assert_eq!(all("session_chats"), held(&copy, "session_chats"));
    assert_eq!(all("sessions"), json!(1));
    assert!(
        all("contacts").as_i64()
            < origin.row("SELECT count(*) AS n FROM contacts WHERE org_id = $org")["n"].as_i64()
    );
}

#[tokio::test]
async fn export_to_a_closed_pipe_fails_without_a_message() {
    let inbox = rich_organization().await;
    let mut command = inbox.database.command(&["export", "--org", &inbox.org.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the binary");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}

#[tokio::test]
async fn export_of_a_missing_organization_writes_no_file() {
    let inbox = TestOrg::new().await;
    let file = Scratch::new("ndjson");
    let unknown = "00000000-0000-4000-8000-000000000000";
    let error_of = |database: &Database, args: &[&str]| {
        let output = database.command(args).stdin(Stdio::null()).output().expect("the binary");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let text = error_of(&inbox.database, &["export", "--org", unknown, file.path()]);
    assert_eq!(text, "error: organization not found\n");
    let session = "01J9ZX8K2QHV0M3T6R7P4N5W8D";
    let text = error_of(
        &inbox.database,
        &["export", "--org", &inbox.org.to_string(), "--session", session, file.path()],
    );
    assert_eq!(text, "error: session not found\n");
    assert!(!file.0.exists());
}
