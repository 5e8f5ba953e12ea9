//! What the lists cost at size: no statement reads a table from end to end, for whatever filter and on whatever page.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::chats_of;
use crate::support::{Sql, World};

/// Chats in the session; far more than a page, and enough that the planner would rather read the whole table than look
/// up most of it.
const CHATS: i64 = 20_000;

#[tokio::test]
async fn no_list_reads_a_whole_table() {
    let world = World::start().await;
    seed(&world);
    let mut sql = world.sql();
    wait_for_the_end_of(&mut sql, "application_name <> 'switchboard'").await;
    let before = scans(&mut sql, "seq_scan");
    let (rest, path) = (world.rest(), chats_of(&world));
    let messages = format!("/{}@c.us/messages?", 15_551_000_000_i64 + 7);
    let flags = ["archived", "pinned", "muted", "unread"];
    let flags = flags.into_iter().flat_map(|name| ["true", "false"].map(|value| format!("?{name}={value}")));
    let others = [
        "?",
        "?type=dm",
        "?type=group",
        "?archived=false&unread=true&type=dm",
        "?muted=true&pinned=false",
        // In no name, in one, in many.
        "?q=nobody",
        "?q=zq",
        "?q=%E2%98%83",
        "?q=number+7777",
        "?q=e",
        "?q=number&unread=true",
        &messages,
    ];
    for target in others.map(str::to_owned).into_iter().chain(flags) {
        let mut cursor = String::new();
        // More often than a statement is planned anew for what is bound to it.
        for _ in 0..8 {
            let target = format!("{path}{target}&limit=20&cursor={cursor}");
            let page = rest.get(target).await.expect(200).json();
            page["nextCursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
        }
    }
    drop(world);
    wait_for_the_end_of(&mut sql, "true").await;
    assert!(scans(&mut sql, "idx_scan")["session_chats"].as_i64() > Some(100), "nothing was counted");
    assert_eq!(scans(&mut sql, "seq_scan"), before);
}

/// Waits until those connections are gone: PostgreSQL tells what a connection did at the latest when it ends.
async fn wait_for_the_end_of(sql: &mut Sql, which: &str) {
    let others = format!(
        "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND backend_type = 'client backend' AND {which}"
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while sql.count(&others) > 0 {
        assert!(Instant::now() < deadline, "connections do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Chats of the first session of which few are archived, pinned, muted, unread or groups, and messages in some.
fn seed(world: &World) {
    let (org, session) = (&world.org.id, &world.org.sessions[0]);
    let statements = format!(
        "INSERT INTO contacts (org_id, contact_id, name)
             SELECT '{org}', (15551000000 + i) || '@c.us', 'Number ' || i FROM generate_series(1, {CHATS}) i;
         INSERT INTO chats (org_id, chat_id, type, name)
             SELECT '{org}', CASE i % 1000 WHEN 5 THEN (120363300000000000 + i) || '@g.us' ELSE (15551000000 + i) || '@c.us' END,
                 CASE i % 1000 WHEN 5 THEN 'group' ELSE 'user' END, 'Shown ' || i
             FROM generate_series(1, {CHATS}) i;
         INSERT INTO chat_addresses SELECT org_id, chat_id, chat_key FROM chats WHERE org_id = '{org}';
         INSERT INTO session_chats (org_id, session_id, chat_key, archived, pinned, muted_until, unread, last_message_at)
             SELECT org_id, '{session}', chat_key, chat_key % 1000 = 1, chat_key % 1000 = 2,
                 CASE chat_key % 1000 WHEN 3 THEN now() + interval '1 year' END, (chat_key % 1000 = 4)::int,
                 now() - chat_key * interval '1 minute'
             FROM chats WHERE org_id = '{org}';
         INSERT INTO messages (org_id, session_id, chat_key, message_id, from_me, sent_at)
             SELECT org_id, '{session}', chat_key, 'M' || i, false, now() - i * interval '1 minute'
             FROM chats CROSS JOIN generate_series(1, 200) i WHERE chat_key % 200 = 7 AND org_id = '{org}'"
    );
    world.sql().run_as(org, &statements);
    for table in TABLES {
        world.sql().run(&format!("ANALYZE {table}"));
    }
}

const TABLES: [&str; 5] = ["session_chats", "chats", "chat_addresses", "contacts", "messages"];

/// How often each table was scanned in that way.
fn scans(sql: &mut Sql, way: &str) -> Value {
    let names = TABLES.map(|table| format!("'{table}'")).join(", ");
    let counters =
        format!("SELECT relname, {way} AS count FROM pg_stat_user_tables WHERE relname IN ({names})");
    let rows = sql.rows(&counters).into_iter();
    rows.map(|row| (row["relname"].as_str().expect("a name").to_owned(), row["count"].clone())).collect()
}
