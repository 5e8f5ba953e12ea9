//! `switchboard import`.

use std::io::Write;
use std::process::{Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Inbox, NUMBER};
use crate::support::ROOT;

impl Inbox {
    fn import(&self, args: &[&str], input: &[u8]) -> Output {
        let org = self.org.to_string();
        let mut command = self.database.command(&["import", "--org", &org]);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        // The reader may give up early, as it does for an unknown organization.
        let _ = child.stdin.take().expect("piped").write_all(input);
        child.wait_with_output().expect("the binary")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn bad_lines_are_told_and_stop_nothing_else() {
    let inbox = Inbox::new().await;
    let good =
        json!({"session": "15550100400", "contact": {"id": "15550101001@c.us", "name": "Asha"}}).to_string();
    let input =
        format!("{good}\nnonsense\n\n{{\"session\":\"15550100400\",\"contact\":{{\"id\":\"x\"}}}}\n{good}\n");
    let output = inbox.import(&["-", "--json"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&summary["imported"], &summary["rejected"]), (&json!(2), &json!(2)));
    let told = text(&output.stderr);
    assert!(told.contains("line 2: event must be valid JSON; the error is at byte 2\n"), "{told}");
    assert!(told.contains("line 4: contact.id must be"), "{told}");
    assert!(told.ends_with("error: 2 lines were rejected\n"), "{told}");
}

#[tokio::test]
async fn one_is_spoken_of_as_one_and_words_are_named() {
    let inbox = Inbox::new().await;
    let good = json!({"session": NUMBER, "contact": {"id": "15550101001@c.us"}});
    let bad = json!({"session": NUMBER, "chat": {"jid": "15550101001@c.us", "type": "zz"}});
    let output = inbox.import(&["-"], format!("{good}\n{bad}\n").as_bytes());
    let (summary, told) = (text(&output.stdout), text(&output.stderr));
    assert!(summary.starts_with("imported 1 event, rejected 1, in "), "{summary}");
    assert_eq!(told, "line 2: chat.type must be one of dm, group, business\nerror: 1 line was rejected\n");
}

#[tokio::test]
async fn lines_are_refused_in_their_order() {
    let inbox = Inbox::new().await;
    // What is wrong with every third is found out by one of the writers, with every seventh by the reader.
    let line = |number: u32| match number {
        _ if number.is_multiple_of(7) => "nonsense".to_owned(),
        _ => {
            let session = if number.is_multiple_of(3) { "15550109999" } else { NUMBER };
            json!({"session": session, "contact": {"id": format!("1555{number:07}@c.us")}}).to_string()
        }
    };
    let lines: Vec<_> = (1..=3000).map(line).collect();
    let told = text(&inbox.import(&["-"], lines.join("\n").as_bytes()).stderr);
    let numbers: Vec<u32> =
        told.lines().filter_map(|line| line.strip_prefix("line ")?.split(':').next()?.parse().ok()).collect();
    let expected: Vec<u32> = (1..=3000).filter(|number| number % 7 == 0 || number % 3 == 0).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_after_what_came_of_it() {
    let inbox = Inbox::new().await;
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
    let told = text(&output.stderr);
    assert_eq!(told, "error: cannot read standard input, line 3: the gzip stream is truncated\n");
}

#[tokio::test]
async fn an_unknown_organization_is_told_before_anything_is_read() {
    let inbox = Inbox::new().await;
    let stranger = "00000000-0000-4000-8000-000000000000";
    let output = inbox.database.command(&["import", "-", "--org", stranger]).stdin(Stdio::null()).output();
    assert_eq!(text(&output.expect("the binary").stderr), "error: organization not found\n");
}

#[tokio::test]
async fn a_file_imports_twice_to_the_same_copy() {
    let inbox = Inbox::new().await;
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

/// The more chats, the more there is to read by mistake; and PostgreSQL, which has seen none of them yet, does not know.
#[tokio::test]
async fn what_an_event_reads_does_not_grow_with_a_new_organization() {
    const CHATS: usize = 2000;
    const MESSAGES: usize = 4000;
    let inbox = Inbox::new().await;
    let message = |chat: usize, id: usize| {
        let jid = format!("1555{chat:07}@s.whatsapp.net");
        let at = 1_750_000_000_000_i64 + i64::try_from(id).expect("small") * 1000;
        let message = json!({"id": format!("M{id}"), "chat": jid, "timestamp": at, "fromMe": false, "sender": jid, "type": "chat", "body": "Hello"});
        json!({"session": NUMBER, "message": message}).to_string()
    };
    // An import's connections tell what they have read when they close.
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
    // Half in one chat, half in all.
    let told =
        (CHATS..CHATS + MESSAGES).map(|id| message(if id % 2 == 0 { 0 } else { id % CHATS }, id)).collect();
    let read = read_by(told);
    assert!(read < 100 * MESSAGES as u64, "{read} rows for {MESSAGES} messages");
}
