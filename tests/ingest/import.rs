//! `switchboard import`.

use std::io::Write;
use std::process::{Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{NUMBER, TestOrg};
use crate::support::ROOT;

impl TestOrg {
    fn import(&self, args: &[&str], input: &[u8]) -> Output {
        let org = self.org.to_string();
        let mut command = self.database.command(&["import", "--org", &org]);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        // The process may stop reading early, as it does for an unknown organization.
        let _ = child.stdin.take().expect("piped").write_all(input);
        child.wait_with_output().expect("the binary")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn invalid_lines_are_printed_and_do_not_stop_the_import() {
    let inbox = TestOrg::new().await;
    let good =
        json!({"session": "15550100400", "contact": {"id": "15550101001@c.us", "name": "Asha"}}).to_string();
    let without_id = json!({"session": "15550100400", "contact": {"id": "x"}});
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    // A byte order mark, a blank line, the longest line, and one that is too long.
    let (longest, too_long) = (padded(1 << 20), padded((1 << 20) + 1));
    let input = format!("\u{feff}{good}\r\nnonsense\n\n{without_id}\n{longest}\n{too_long}\n");
    let output = inbox.import(&["-", "--json"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&summary["imported"], &summary["rejected"]), (&json!(2), &json!(3)));
    let errors = text(&output.stderr);
    assert!(errors.contains("line 2: event must be valid JSON; the error is at byte 2\n"), "{errors}");
    assert!(errors.contains("line 4: contact.id must be"), "{errors}");
    assert!(errors.contains("line 6: the line must be at most 1 MiB"), "{errors}");
    assert!(errors.ends_with("error: 3 lines were rejected\n"), "{errors}");
}

#[tokio::test]
async fn counts_of_one_are_singular_and_enum_values_are_listed() {
    let inbox = TestOrg::new().await;
    let good = json!({"session": NUMBER, "contact": {"id": "15550101001@c.us"}});
    let bad = json!({"session": NUMBER, "chat": {"jid": "15550101001@c.us", "type": "zz"}});
    let output = inbox.import(&["-"], format!("{good}\n{bad}\n").as_bytes());
    let (summary, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(summary.starts_with("imported 1 event, rejected 1, in "), "{summary}");
    assert_eq!(errors, "line 2: chat.type must be one of dm, group, business\nerror: 1 line was rejected\n");
}

#[tokio::test]
async fn rejected_lines_are_printed_in_file_order() {
    let inbox = TestOrg::new().await;
    // Every third line is rejected by a writer, every seventh by the reader.
    let line = |number: u32| match number {
        _ if number.is_multiple_of(7) => "nonsense".to_owned(),
        _ => {
            let session = if number.is_multiple_of(3) { "15550109999" } else { NUMBER };
            json!({"session": session, "contact": {"id": format!("1555{number:07}@c.us")}}).to_string()
        }
    };
    let lines: Vec<_> = (1..=3000).map(line).collect();
    let errors = text(&inbox.import(&["-"], lines.join("\n").as_bytes()).stderr);
    let numbers: Vec<u32> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("line ")?.split(':').next()?.parse().ok())
        .collect();
    let expected: Vec<u32> = (1..=3000).filter(|number| number % 7 == 0 || number % 3 == 0).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn import_names_an_unreadable_file_after_the_summary() {
    let inbox = TestOrg::new().await;
    let output = inbox.import(&[ROOT], b"");
    assert_eq!(text(&output.stderr), format!("error: cannot read {ROOT}: Is a directory (os error 21)\n"));
    let good = json!({"session": NUMBER, "contact": {"id": "15550101001@c.us", "name": "Asha"}});
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(format!("{good}\n{good}\n").as_bytes()).expect("it is in memory");
    let mut gzipped = encoder.finish().expect("it is in memory");
    gzipped.truncate(gzipped.len() - 8);
    let output = inbox.import(&["-"], &gzipped);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("imported 2 events, "), "{}", text(&output.stdout));
    let errors = text(&output.stderr);
    assert_eq!(errors, "error: cannot read standard input, line 3: the gzip stream is truncated\n");
}

#[tokio::test]
async fn import_into_unknown_organization_fails_before_reading() {
    let inbox = TestOrg::new().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let output = inbox.database.command(&["import", "-", "--org", unknown]).stdin(Stdio::null()).output();
    assert_eq!(text(&output.expect("the binary").stderr), "error: organization not found\n");
}

#[tokio::test]
async fn second_import_of_a_file_changes_nothing() {
    let inbox = TestOrg::new().await;
    let import = || {
        for file in ["chat", "session_chat"] {
            let file = format!("{ROOT}/tests/data/{file}.ndjson");
            assert_eq!(inbox.import(&[&file], b"").status.code(), Some(0));
        }
        inbox.database.sql().fingerprint()
    };
    let first = import();
    assert_eq!(import(), first);
    let alice = inbox.row(
        "SELECT session_id, unread, muted_until, last_message_at FROM session_chats JOIN chats USING (org_id, chat_key)
         WHERE org_id = $org AND chat_id = '15550102222@c.us'",
    );
    assert_eq!(alice["unread"], 3);
    assert_eq!(alice["muted_until"], "2025-06-29T12:00:00+00:00");
}

/// Without statistics, PostgreSQL may scan all chats of the organization for each event.
#[tokio::test]
async fn rows_read_per_event_do_not_grow_with_the_organization() {
    const CHATS: usize = 2000;
    const MESSAGES: usize = 4000;
    let inbox = TestOrg::new().await;
    let message = |chat: usize, id: usize| {
        let jid = format!("1555{chat:07}@s.whatsapp.net");
        let at = 1_750_000_000_000_i64 + i64::try_from(id).expect("small") * 1000;
        let message = json!({"id": format!("M{id}"), "chat": jid, "timestamp": at, "fromMe": false, "sender": jid, "type": "chat", "body": "Hello"});
        json!({"session": NUMBER, "message": message}).to_string()
    };
    // The connections of an import report their statistics when they close.
    let read_by = |events: Vec<String>| {
        let read = || {
            let rows = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
                 + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) AS read";
            inbox.row(rows)["read"].as_u64().expect("a number")
        };
        let before = read();
        let output = inbox.import(&["-"], events.join("\n").as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        read() - before
    };
    read_by((0..CHATS).map(|chat| message(chat, chat)).collect());
    // One half in one chat, the other half in all chats.
    let events =
        (CHATS..CHATS + MESSAGES).map(|id| message(if id % 2 == 0 { 0 } else { id % CHATS }, id)).collect();
    let read = read_by(events);
    assert!(read < 100 * MESSAGES as u64, "{read} rows for {MESSAGES} messages");
}

#[tokio::test]
async fn import_ends_quietly_when_nobody_reads_its_output() {
    let inbox = TestOrg::new().await;
    let (org, good) =
        (inbox.org.to_string(), json!({"session": NUMBER, "contact": {"id": "15550101001@c.us"}}));
    for (lines, code) in [(format!("{good}\n"), 0), (format!("{good}\nnonsense\n"), 1)] {
        let mut command = inbox.database.command(&["import", "--org", &org, "-", "--json"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        drop((child.stdout.take(), child.stderr.take()));
        child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("import reads its input");
        assert_eq!(child.wait().expect("the binary").code(), Some(code), "{lines}");
    }
}
