//! Direct access to the tables, for what no response shows: row counts and fingerprints.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, RunQueryDsl};
use serde_json::Value;

/// A connection to a test's database.
pub struct Sql(PgConnection);

impl Sql {
    /// Connects, or panics.
    pub fn connect(url: &str) -> Self {
        Self(PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    /// Runs statements that return nothing.
    pub fn run(&mut self, statements: &str) {
        self.0.batch_execute(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Runs statements that may fail; returns whether they succeeded.
    pub fn try_run(&mut self, statements: &str) -> bool {
        self.0.batch_execute(statements).is_ok()
    }

    /// Runs statements that write to that organization's rows. Citus sends a text with `SET LOCAL` to the workers as a whole, so
    /// that is a text of its own.
    pub fn run_as(&mut self, org: &str, statements: &str) {
        self.run("BEGIN");
        self.run(&format!("SET LOCAL switchboard.org_id = '{org}'"));
        self.run(statements);
        self.run("COMMIT");
    }

    /// The rows of a query, each as a JSON object. Without OFFSET, Citus loses the names of the columns.
    pub fn rows(&mut self, query: &str) -> Vec<Value> {
        let wrapped =
            format!("(SELECT coalesce(json_agg(r), '[]')::text FROM (SELECT * FROM ({query}) q OFFSET 0) r)");
        let text: String = diesel::select(sql::<Text>(&wrapped))
            .get_result(&mut self.0)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        serde_json::from_str(&text).expect("JSON from PostgreSQL")
    }

    /// The first column of the first row of a query.
    pub fn value(&mut self, query: &str) -> Value {
        let row = self.rows(query).into_iter().next().unwrap_or_default();
        row.as_object().and_then(|columns| columns.values().next().cloned()).unwrap_or_default()
    }

    /// How many rows match, such as `labels WHERE name = 'vip'`.
    pub fn count(&mut self, from: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {from}")).as_i64().expect("a count")
    }

    /// Every row of every table as one hash per table: two are equal when nothing was written in between.
    pub fn fingerprint(&mut self) -> Vec<(String, String)> {
        self.fingerprint_where("true")
    }

    /// The same for the rows of one organization.
    pub fn fingerprint_of(&mut self, org: &str) -> Vec<(String, String)> {
        self.fingerprint_where(&format!("org_id = '{org}'"))
    }

    fn fingerprint_where(&mut self, rows: &str) -> Vec<(String, String)> {
        let tables = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
            AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_%' ORDER BY relname COLLATE \"C\"";
        let tables = self.rows(tables);
        let hashes = tables.iter().map(|table| {
            let name = table["relname"].as_str().expect("a name");
            format!(
                "SELECT '{name}' AS name, md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS hash
                 FROM \"{name}\" t WHERE {rows}"
            )
        });
        let hashes = self.rows(&hashes.collect::<Vec<_>>().join(" UNION ALL "));
        let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
        hashes.iter().map(|row| (text(row, "name"), text(row, "hash"))).collect()
    }
}

/// Statements that write what lists need of chats and messages that SQL inserted; `rows` is a condition for their rows.
pub fn fill_lists(rows: &str) -> String {
    format!(
        "UPDATE session_chats held SET listed_id = c.chat_id, listed_type = c.type, is_group = c.chat_id LIKE '%@g.us'
         FROM (SELECT * FROM chats WHERE {rows}) c
         WHERE held.org_id = c.org_id AND held.chat_key = c.chat_key;
         INSERT INTO chat_activity (org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread)
         SELECT DISTINCT ON (org_id, chat_key)
             org_id, chat_key, listed_id, listed_type, session_id, active_at, is_unread
         FROM session_chats WHERE {rows}
         ORDER BY org_id, chat_key, active_at DESC, session_id
         ON CONFLICT DO NOTHING;
         DELETE FROM list_counts WHERE {rows};
         INSERT INTO list_counts (org_id, list, session_id, shard, count)
         SELECT org_id, 'chats', '', 0, count(*) FROM chat_activity WHERE {rows} GROUP BY org_id
         UNION ALL SELECT org_id, 'chats', session_id, 0, count(*) FROM session_chats WHERE {rows} GROUP BY 1, 3
         UNION ALL SELECT org_id, 'messages', session_id, 0, count(*) FROM messages WHERE {rows} GROUP BY 1, 3
         ON CONFLICT DO NOTHING"
    )
}

/// Statements that create a disabled webhook with a dead letter.
pub fn disabled_webhook(org: &str, webhook: &str, dead_letter: &str) -> String {
    format!(
        "INSERT INTO webhooks (org_id, webhook_id, url, enabled, salt, key_id)
         VALUES ('{org}', '{webhook}', 'https://hooks.acme.example/', false, '0123456789abcdef', '01234567');
         INSERT INTO webhook_deliveries (org_id, webhook_id, event_id, chat_key, state, attempts)
         VALUES ('{org}', '{webhook}', {dead_letter}, 1, 'dead', 1)"
    )
}

/// Statements that create a disabled connection of a session with an event that failed. Its secrets cannot be decrypted.
pub fn disabled_connection(org: &str, session: &str, connection: &str, event: &str) -> String {
    format!(
        "INSERT INTO connections (org_id, connection_id, session_id, phone, kind, url, account, secrets, key_id, enabled)
         SELECT org_id, '{connection}', session_id, phone, 'waha', 'http://waha.acme.example', 'default', '', '01234567', false
         FROM sessions WHERE org_id = '{org}' AND session_id = '{session}';
         {}",
        failed_event(org, connection, event)
    )
}

/// The statement that stores an event of a connection that could not be mapped.
pub fn failed_event(org: &str, connection: &str, event: &str) -> String {
    format!(
        "INSERT INTO inbound_events (org_id, connection_id, event_key, arrival, chat, body, state, error)
         VALUES ('{org}', '{connection}', 'evt_{event}', {event}, '', '{{}}', 'failed', 'unknown')"
    )
}

/// Statements that store a queued send of a session.
pub fn queued_send(org: &str, session: &str, send: &str) -> String {
    format!(
        "INSERT INTO sends (org_id, send_id, session_id, address, kind, message_id, content, state, created_by)
         VALUES ('{org}', '{send}', '{session}', '15550109996@c.us', 'text', 'QUEUED',
             '{{\"type\": \"text\", \"body\": \"hello\", \"link_preview\": true, \"mentions\": []}}', 'queued', 'operator')"
    )
}

/// The statement that stores a message that the session sent to the chat. Citus would store its rows with COPY, which row level
/// security forbids, but not those that may conflict.
pub fn own_message(org: &str, session: &str, chat_id: &str, message: &str) -> String {
    format!(
        "INSERT INTO messages (org_id, session_id, chat_key, sent_at, from_me, message_id, type, body, ack)
         SELECT h.org_id, h.session_id, h.chat_key, now(), true, '{message}', 'chat', 'hello', 1
         FROM session_chats h JOIN chats c ON c.org_id = h.org_id AND c.chat_key = h.chat_key
         WHERE h.org_id = '{org}' AND h.session_id = '{session}' AND c.chat_id = '{chat_id}'
         ON CONFLICT DO NOTHING"
    )
}

/// The id of the note that [`note_of`] stores: the person's number in letters.
pub fn note_id(digits: &str) -> String {
    let letters: String = digits.bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    format!("note-{letters:z<16}")
}

/// The statement that stores a note of the chat with the person of that number.
pub fn note_of(org: &str, digits: &str) -> String {
    format!(
        "INSERT INTO notes (org_id, note_id, chat_key, body, author)
         SELECT org_id, '{}', chat_key, 'hello', 'agent@acme.example' FROM chats
         WHERE org_id = '{org}' AND chat_id = '{digits}@c.us'",
        note_id(digits)
    )
}

/// Whether a logged statement belongs to a request, and not to a background task such as probes or expiry.
pub fn is_statement_of_a_request(sql: &str) -> bool {
    let background = [
        "secret_sha256",
        "to_regclass",
        "__diesel_schema_migrations",
        "required_migration",
        "pg_is_in_recovery",
        "analyze_grown_tables",
        "pg_stat_user_tables",
        "idempotency_keys",
        "ingest_senders",
        "\"waiting_updates\".\"received_at\" <",
        "\"event_heads\"",
        "\"failing_since\" IS NULL",
        "\"webhook_deliveries\".\"created_at\" <",
        "\"sends\".\"updated_at\" <",
        "\"lease_expires_at\" <=",
        "\"inbound_events\".\"received_at\" <",
        "pg_notify",
        "\"media_objects\".\"check_at\" <=",
        "\"media\".\"state\" =",
        ") AS range (org_id, bucket, after, up_to)",
    ];
    !background.iter().any(|word| sql.contains(word))
}
