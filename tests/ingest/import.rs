//! `switchboard import`.

use std::io::Write;
use std::process::{Output, Stdio};

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
    assert_eq!((&summary["imported"], &summary["refused"]), (&json!(2), &json!(2)));
    let told = text(&output.stderr);
    assert!(told.contains("line 2: event is not understood"), "{told}");
    assert!(told.contains("line 4: contact.id must be"), "{told}");
    assert!(told.ends_with("error: 2 lines were refused\n"), "{told}");
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
