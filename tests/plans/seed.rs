//! A database of a given size: one large organization, one medium, some small and a thousand tiny ones, so that every table
//! has rows of many organizations.

use super::log::NO_LOGGING;
use crate::support::{Database, Sql, fill_lists};

/// Keys and ids of the largest organization, for requests.
pub struct Seeded {
    /// Total number of chats. One chat has a quarter as many messages, every other has five.
    pub chats: u64,
    /// An api key that reads, sends and manages.
    pub key: String,
    /// A key whose scope is two of the four sessions. It does not ingest: otherwise reads look up what it claims.
    pub limited_key: String,
    /// Two sessions; the first holds most chats.
    pub sessions: [String; 2],
    /// The first session's phone number in digits.
    pub phone: String,
    /// The first session's phone id.
    pub phone_id: String,
    /// Id and name of a label that many chats have.
    pub label: [String; 2],
    /// A webhook limited to the first session, with many deliveries.
    pub webhook: String,
    /// The connection of the first session, with many events.
    pub connection: String,
    /// Phone number of the contact whose chat has many messages.
    pub person: String,
}

/// The largest organization.
pub const ORG: &str = "00000000-0000-7000-8000-000000000001";

impl Seeded {
    /// Fills an empty, migrated database, and analyzes it.
    pub fn fill(database: &Database, chats: u64) -> Self {
        let seeded = Self::start(database, chats);
        let mut sql = admin(database);
        // Updating indexes row by row would take most of the time.
        let indexes = "SELECT indexdef, format('DROP INDEX %I', indexname) AS drop FROM pg_indexes
            WHERE schemaname = 'public' AND indexdef NOT LIKE 'CREATE UNIQUE%' AND tablename NOT LIKE '\\_\\_%'";
        let [made, dropped] = ["indexdef", "drop"].map(|column| texts(&mut sql, indexes, column));
        dropped.iter().for_each(|drop| sql.run(drop));
        seeded.grow(database);
        made.iter().for_each(|make| sql.run(make));
        sql.run("VACUUM ANALYZE");
        seeded
    }

    /// Fills only the tables that do not grow with the number of chats.
    pub fn start(database: &Database, chats: u64) -> Self {
        let mut sql = admin(database);
        OF_ORGANIZATIONS.iter().for_each(|statement| sql.run(statement));
        let sessions =
            format!("SELECT session_id, phone, phone_id FROM sessions WHERE org_id = '{ORG}' ORDER BY 1");
        let [ids, phones, phone_ids] =
            ["session_id", "phone", "phone_id"].map(|column| texts(&mut sql, &sessions, column));
        let label = format!("SELECT label_id, name FROM labels WHERE org_id = '{ORG}' ORDER BY 1 LIMIT 1");
        let key = ["key", "create", "--org", ORG, "--name", "all", "--can", "read,send,manage"];
        let limits = ["--session", &ids[0], "--session", &ids[1]];
        Self {
            chats,
            key: database.cli(&key),
            limited_key: database.cli(&[&key[..], &limits].concat()),
            sessions: [ids[0].clone(), ids[1].clone()],
            phone: phones[0].clone(),
            phone_id: phone_ids[0].clone(),
            label: ["label_id", "name"].map(|column| texts(&mut sql, &label, column).remove(0)),
            webhook: "webhook-aaaaaaaaaaaaaaab".to_owned(),
            connection: format!("{}{:032}", ORG.replace('-', ""), 1),
            person: "15550100001".to_owned(),
        }
    }

    /// Fills the other tables, without a change of the schema, which would end all plans.
    pub fn grow(&self, database: &Database) {
        let mut sql = admin(database);
        for statement in OF_CHATS {
            sql.run(&statement.replace("$chats", &self.chats.to_string()));
        }
        sql.run(&fill_lists("true"));
    }
}

/// A connection that fills tables. The rows are consistent by construction; checking foreign keys would take most of the time.
fn admin(database: &Database) -> Sql {
    let mut sql = database.admin();
    sql.run(NO_LOGGING);
    sql.run(
        "SET session_replication_role = replica; SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'",
    );
    sql
}

fn texts(sql: &mut Sql, query: &str, column: &str) -> Vec<String> {
    let rows = sql.rows(query);
    rows.iter().map(|row| row[column].as_str().expect("a text").to_owned()).collect()
}

/// The organizations with their numbers, of which the ids of their rows are made.
const NUMBERED: &str = "CREATE TEMP TABLE numbered AS
    SELECT org_id, row_number() OVER (ORDER BY org_id) AS n,
        CASE row_number() OVER (ORDER BY org_id) WHEN 1 THEN 4 ELSE 2 END AS size FROM orgs";

/// In the order of foreign keys.
const OF_ORGANIZATIONS: [&str; 7] = [
    "INSERT INTO orgs (org_id, name)
     SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Organization ' || n
     FROM generate_series(1, 1019) n",
    NUMBERED,
    "INSERT INTO sessions (org_id, session_id, phone, phone_id)
     SELECT org_id, '01J9ZX8K2QHV0M3T6R7P' || lpad(place, 6, '0'), '1555009' || lpad(place, 5, '0'),
         'phone-' || lpad(place, 12, '0')
     FROM (SELECT org_id, (n * 10 + i)::text AS place FROM numbered CROSS JOIN generate_series(1, size) i) s",
    "INSERT INTO members (org_id, member_key, email, role)
     SELECT org_id, email, email, 'member'
     FROM (SELECT org_id, 'agent' || i || '@org' || n || '.example' AS email
         FROM numbered CROSS JOIN generate_series(1, size) i) m",
    "INSERT INTO labels (org_id, label_id, name, label_key)
     SELECT org_id, 'label-' || translate(lpad((n * 100 + i)::text, 16, '0'), '0123456789', 'abcdefghij'),
         'Label ' || i, 'label ' || i
     FROM numbered CROSS JOIN generate_series(1, 20) i",
    "INSERT INTO properties (org_id, property_id, name, kind)
     SELECT org_id, 'property-' || translate(lpad((n * 100 + i)::text, 16, '0'), '0123456789', 'abcdefghij'),
         'Property ' || i, 'text'
     FROM numbered CROSS JOIN generate_series(1, 5) i",
    "INSERT INTO api_keys (org_id, key_id, name, secret_sha256, capabilities)
     SELECT org_id, lpad((n * 10 + i)::text, 12, '0'), 'Key ' || i, sha256(convert_to(n || '-' || i, 'UTF8')), '{read}'
     FROM numbered CROSS JOIN generate_series(1, 5) i",
];

/// Likewise. A chat's key is its number in insertion order.
const OF_CHATS: [&str; 21] = [
    NUMBERED,
    // 60 % of the chats, 20 %, and the rest; the tiny organizations have one chat each.
    "INSERT INTO chats (org_id, chat_id, type, name, search_key, assignee, created_at)
     SELECT o.org_id, CASE WHEN c.n % 10 = 0 THEN (120363300000000000 + c.n) || '@g.us' ELSE (15550100000 + c.n) || '@c.us' END,
         CASE WHEN c.n % 10 = 0 THEN 'group' WHEN c.n % 50 = 1 THEN 'business' ELSE 'user' END, 'Chat ' || c.n, 'chat ' || c.n,
         CASE WHEN c.n % 4 = 0 THEN 'agent1@org' || o.n || '.example' END, '2024-01-01Z'
     FROM generate_series(1, $chats) c(n)
     JOIN numbered o ON o.n = CASE WHEN c.n <= $chats * 0.6 THEN 1 WHEN c.n <= $chats * 0.8 THEN 2
         WHEN c.n <= $chats - 1000 THEN 3 + c.n % 17 ELSE 19 + c.n - ($chats - 1000) END
     ORDER BY c.n",
    "INSERT INTO chat_addresses (org_id, address, chat_key)
     SELECT org_id, chat_id, chat_key FROM chats
     UNION ALL SELECT org_id, (189400000000 + chat_key) || '@lid', chat_key FROM chats WHERE type = 'user' AND chat_key % 3 = 0",
    // In the largest organization: one of each tenth chat, and several pages of one chat.
    "INSERT INTO notes (org_id, note_id, chat_key, body, author, created_at)
     SELECT org_id, 'note-' || translate(lpad(n::text, 16, '0'), '0123456789', 'abcdefghij'), chat_key, 'Note ' || n, 'operator',
         '2025-01-01Z'::timestamptz + n * interval '1 minute'
     FROM (SELECT org_id, chat_key, row_number() OVER (ORDER BY chat_key) AS n FROM chats
         CROSS JOIN LATERAL generate_series(1, CASE WHEN chat_key = 1 THEN 700 ELSE 1 END) i
         WHERE org_id = '00000000-0000-7000-8000-000000000001' AND chat_key % 10 = 1) chats",
    "INSERT INTO person_links (org_id, address, person)
     SELECT org_id, (189400000000 + chat_key) || '@lid', chat_id FROM chats WHERE type = 'user' AND chat_key % 3 = 0",
    "INSERT INTO contacts (org_id, contact_id, name, search_key, color, is_internal)
     SELECT org_id, chat_id, 'Person ' || chat_key, 'person ' || chat_key, '#B4876E', false FROM chats WHERE type <> 'group'
     UNION ALL SELECT org_id, phone || '@c.us', 'Support', 'support', NULL, true FROM sessions",
    // The first session holds most chats; the second holds others, and some of the first's.
    "INSERT INTO session_chats (org_id, session_id, chat_key, archived, pinned, muted_until, unread, read_up_to,
         latest_message_id, last_message_at)
     SELECT c.org_id, s.session_id, c.chat_key, c.chat_key % 11 = 0, c.chat_key % 1009 = 0,
         CASE WHEN c.chat_key % 13 = 0 THEN '2100-01-01Z'::timestamptz END, c.chat_key % 4, '2024-01-01Z',
         'M' || c.chat_key || '-5', '2024-01-01Z'::timestamptz + (c.chat_key * 300.0 / $chats + 400) * interval '1 day'
     FROM chats c
     JOIN (SELECT org_id, session_id, row_number() OVER (PARTITION BY org_id ORDER BY session_id) AS place FROM sessions) s
         ON s.org_id = c.org_id AND (s.place = CASE WHEN c.chat_key % 10 < 7 THEN 1 ELSE 2 END
             OR s.place = 2 AND c.chat_key % 10 = 1)",
    // Common, less common and rare words; the first chat has very many messages.
    "INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, ack, from_me, sender, type, body, delivery, search)
     SELECT *, to_tsvector('simple', regexp_replace(body, '(\\w+)', right(org_id::text, 1) || '\\1', 'g')) FROM (
         SELECT m.org_id, m.session_id, m.chat_key, 'M' || m.chat_key || '-' || m.n, m.sent_at, 4, m.n % 2 = 1,
             CASE WHEN m.n % 2 = 1 THEN s.phone ELSE (15550100000 + m.chat_key)::text END || '@c.us', 'chat',
             'Your order ' || m.place || ' has left on day ' || m.n % 30 || ' of the month with word' || m.place * 7919 % 5000
                 || CASE WHEN m.place % 5 = 0 THEN ' hello' ELSE '' END
                 || CASE WHEN m.place % 100 = 0 THEN ' invoice' ELSE '' END
                 || CASE WHEN m.place % 10000 = 7 THEN ' zebra' ELSE '' END AS body,
             '{\"delivered\": {}, \"read\": {}, \"pending\": []}'::jsonb
         FROM (
             SELECT org_id, session_id, chat_key, n, chat_key * 5 + n AS place,
                 '2024-01-01Z'::timestamptz + (chat_key * 300.0 / $chats + n * 80) * interval '1 day' AS sent_at
             FROM generate_series(1, 5) n CROSS JOIN session_chats
             UNION ALL
             SELECT org_id, session_id, chat_key, n, n, '2024-01-01Z'::timestamptz + n * 1600.0 / $chats * interval '1 day'
             FROM session_chats CROSS JOIN generate_series(6, $chats / 4) n WHERE chat_key = 1
         ) m
         JOIN sessions s ON s.org_id = m.org_id AND s.session_id = m.session_id
     ) whole",
    "INSERT INTO media (org_id, media_id, session_id, chat_key, message_id, from_me, author, state, due_at)
     SELECT org_id, 'media-' || translate(lpad(arrival::text, 16, '0'), '0123456789', 'abcdefghij'), session_id, chat_key,
         message_id, from_me, author, CASE WHEN arrival % 100 = 0 THEN 'pending' ELSE 'expired' END, sent_at
     FROM messages WHERE arrival % 10 = 0",
    "UPDATE session_chats s SET latest_arrival = m.arrival
     FROM messages m
     WHERE m.org_id = s.org_id AND m.session_id = s.session_id AND m.chat_key = s.chat_key
         AND m.message_id = s.latest_message_id",
    "INSERT INTO chat_members (org_id, chat_key, contact_id, is_admin)
     SELECT org_id, chat_key, chat_id, false FROM chats WHERE type <> 'group'
     UNION ALL
     SELECT g.org_id, g.chat_key, p.chat_id, n = 1
     FROM chats g CROSS JOIN generate_series(1, 8) n
     JOIN chats p ON p.org_id = g.org_id AND p.chat_key = g.chat_key - n
     WHERE g.type = 'group' AND p.type <> 'group'",
    "WITH labelled AS (
         INSERT INTO chat_labels (org_id, chat_key, label_id)
         SELECT c.org_id, c.chat_key,
             'label-' || translate(lpad((o.n * 100 + c.chat_key / 2 % 20 + 1)::text, 16, '0'), '0123456789', 'abcdefghij')
         FROM chats c JOIN numbered o ON o.org_id = c.org_id WHERE c.chat_key % 2 = 0
     ), open AS (
         INSERT INTO chat_access (org_id, chat_key, member_key, allowed)
         SELECT c.org_id, c.chat_key, 'agent2@org' || o.n || '.example', true
         FROM chats c JOIN numbered o ON o.org_id = c.org_id WHERE c.chat_key % 10 = 0
     )
     INSERT INTO chat_properties (org_id, chat_key, property_id, value)
     SELECT c.org_id, c.chat_key,
         'property-' || translate(lpad((o.n * 100 + 1)::text, 16, '0'), '0123456789', 'abcdefghij'), '\"hello\"'
     FROM chats c JOIN numbered o ON o.org_id = c.org_id WHERE c.chat_key % 3 = 0",
    "INSERT INTO chat_merges (org_id, chat_key, merged_into)
     SELECT org_id, -chat_key, chat_key FROM chats WHERE chat_key % 10 = 0",
    "INSERT INTO webhooks (org_id, webhook_id, url, session_ids, enabled, salt, key_id)
     SELECT org_id, 'webhook-' || translate(lpad((n * 10 + i - 10)::text, 16, '0'), '0123456789', 'abcdefghij'),
         'https://hooks.acme.example/', ARRAY[(SELECT min(session_id COLLATE \"C\") FROM sessions s WHERE s.org_id = numbered.org_id)],
         false, '0123456789abcdef', '01234567'
     FROM numbered CROSS JOIN generate_series(1, 5) i",
    "INSERT INTO connections (org_id, connection_id, session_id, phone, kind, url, account, secrets, key_id, enabled)
     SELECT org_id, replace(org_id::text, '-', '') || lpad(row_number() OVER (PARTITION BY org_id ORDER BY session_id COLLATE \"C\")::text, 32, '0'),
         session_id, phone, 'waha', 'http://waha.acme.example', 'default', '', '01234567', false
     FROM sessions",
    "INSERT INTO inbound_events (org_id, connection_id, event_key, chat, body, state)
     SELECT c.org_id, c.connection_id, 'evt_' || n, '', '{}', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'mapped' END
     FROM connections c CROSS JOIN generate_series(1, 40) n",
    "INSERT INTO sends (org_id, send_id, session_id, address, kind, message_id, content, state, created_by)
     SELECT s.org_id, gen_random_uuid(), s.session_id, (15550100000 + n) || '@c.us', 'text', 'S' || n, '{}',
         CASE WHEN n % 10 = 0 THEN 'queued' ELSE 'accepted' END, 'operator'
     FROM sessions s CROSS JOIN generate_series(1, 40) n",
    "INSERT INTO events (org_id, number, chat_key, session_id, kind, actor, changes)
     SELECT org_id, row_number() OVER (PARTITION BY org_id, chat_key & 15 ORDER BY chat_key, session_id), chat_key,
         session_id, 'attached', 'operator', '{}'
     FROM session_chats",
    "INSERT INTO event_heads (org_id, bucket, last) SELECT org_id, bucket, max(number) FROM events GROUP BY 1, 2",
    "INSERT INTO webhook_deliveries (org_id, webhook_id, event_id, chat_key, state, attempts)
     SELECT e.org_id, w.webhook_id, e.event_id, e.chat_key, CASE WHEN e.event_id % 3 = 0 THEN 'dead' ELSE 'delivered' END, 1
     FROM event_views e JOIN webhooks w ON w.org_id = e.org_id AND w.webhook_id LIKE '%b'
     WHERE e.event_id % 5 = 0 AND e.kind = 'attached'",
    // Not due while the test runs.
    "INSERT INTO webhook_queues (org_id, webhook_id, chat_key, due_at)
     SELECT DISTINCT org_id, webhook_id, chat_key, now() + interval '1 day' FROM webhook_deliveries",
];
