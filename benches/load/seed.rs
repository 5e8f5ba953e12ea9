//! Test data: an organization with two sessions, 100,000 chats and 500,000 messages.

use std::path::PathBuf;

use crate::Outcome;
use crate::database::Database;
use crate::sql::{Sql, disabled_webhook, fill_lists};

/// Number of chats: with single contacts, and groups of twenty.
pub const CHATS: u64 = CONTACTS + GROUPS;
/// Number of messages: five for each chat of the first session.
pub const MESSAGES: u64 = 5 * CHATS;
/// Number of contacts with a chat. Calls only read these chats.
pub const CONTACTS: u64 = 99_000;
const GROUPS: u64 = 1_000;
/// Phone number of the first contact; the others follow.
pub const FIRST_CONTACT: u64 = 15_550_100_000;
/// Phone numbers of the sessions. The first holds all chats, the second every fifth.
pub const PHONES: [&str; 2] = ["15550090001", "15550090002"];
/// A disabled webhook with one dead letter.
pub const WEBHOOK: &str = "webhook-aaaaaaaaaaaaaaaa";
const DEAD_LETTER: &str = "7000000001";
/// The member that updates assign chats to.
pub const ASSIGNEE: &str = "agent1@acme.example";

/// The seeded organization.
pub struct World {
    pub org: String,
    pub sessions: [String; 2],
    pub key: String,
    /// The first and the last chat key.
    pub chat_keys: (i64, i64),
    pub postgres_version: String,
    /// Directory of the `pgbench` scripts.
    pub folder: PathBuf,
}

impl World {
    /// Fills an empty, migrated database.
    pub fn seed(database: &Database) -> Outcome<Self> {
        let org = database.cli(&["org", "create", "--name", "Acme"]);
        let session = |phone| database.cli(&["session", "create", "--org", &org, "--phone", phone]);
        let sessions = PHONES.map(session);
        database.cli(&["member", "add", "--org", &org, "--email", ASSIGNEE]);
        database.cli(&["property", "create", "--org", &org, "--name", "note", "--kind", "text"]);
        let key =
            database.cli(&["key", "create", "--org", &org, "--name", "bench", "--can", "read,send,manage"]);

        let mut sql = Sql::connect(&database.url);
        let names = [
            ("$org", format!("'{org}'::uuid")),
            ("$session_1", format!("'{}'", sessions[0])),
            ("$session_2", format!("'{}'", sessions[1])),
            ("$first_contact", FIRST_CONTACT.to_string()),
            ("$contacts", CONTACTS.to_string()),
            ("$groups", GROUPS.to_string()),
        ];
        for statement in STATEMENTS {
            let filled =
                names.iter().fold(statement.to_owned(), |text, (name, value)| text.replace(name, value));
            sql.run_as(&org, &filled);
        }
        sql.run_as(&org, &fill_lists(&format!("org_id = '{org}'")));
        sql.run_as(&org, &disabled_webhook(&org, WEBHOOK, DEAD_LETTER));
        database.admin().run("VACUUM ANALYZE");
        let mut key_of = |which| sql.value(&format!("SELECT {which}(chat_key) FROM chats")).as_i64();
        let chat_keys = key_of("min").zip(key_of("max")).ok_or("no chats")?;
        let version = sql.value("SELECT current_setting('server_version')");
        Ok(Self {
            org,
            sessions,
            key,
            chat_keys,
            postgres_version: version.as_str().unwrap_or_default().to_owned(),
            folder: std::env::temp_dir(),
        })
    }
}

/// In the order of foreign keys.
const STATEMENTS: [&str; 11] = [
    // One contact per chat, and the sessions' own numbers.
    "INSERT INTO contacts (org_id, contact_id, name, search_key, color, image, is_internal)
     SELECT $org, ($first_contact + n) || '@c.us', 'Contact ' || n, 'contact ' || n, '#B4876E', 'https://images.acme.example/' || n, false
     FROM generate_series(0, $contacts - 1) n
     UNION ALL SELECT $org, phone || '@c.us', 'Support', 'support', '#B4876E', NULL, true FROM sessions WHERE org_id = $org",
    "INSERT INTO chats (org_id, chat_id, type, name, image, created_at)
     SELECT $org, ($first_contact + n) || '@c.us', 'user', NULL, 'https://images.acme.example/' || n,
         now() - n * interval '1 minute'
     FROM generate_series(0, $contacts - 1) n",
    "INSERT INTO chats (org_id, chat_id, type, name, search_key, info_admins_only, messages_admins_only, created_at)
     SELECT $org, (120363300000000000 + n) || '@g.us', 'group', 'Group ' || n, 'group ' || n, false, false,
         now() - n * interval '1 hour'
     FROM generate_series(0, $groups - 1) n",
    "INSERT INTO chat_addresses (org_id, address, chat_key)
     SELECT org_id, chat_id, chat_key FROM chats WHERE org_id = $org",
    "INSERT INTO session_chats (org_id, session_id, chat_key, unread, latest_message_id, last_message_at)
     SELECT c.org_id, s.session_id, c.chat_key, 3,
         CASE WHEN s.session_id = $session_1 THEN 'MESSAGE' || c.chat_key || '-5' END,
         CASE WHEN s.session_id = $session_1 THEN
             '2026-01-01T00:00:00Z'::timestamptz + c.chat_key * interval '1 minute' + interval '5 seconds' END
     FROM chats c
     JOIN sessions s ON s.org_id = c.org_id AND (s.session_id = $session_1 OR c.chat_key % 5 = 0)
     WHERE c.org_id = $org",
    "INSERT INTO messages (org_id, session_id, chat_key, message_id, sent_at, ack, from_me, sender, type, body, delivery, search)
     SELECT sc.org_id, sc.session_id, sc.chat_key, 'MESSAGE' || sc.chat_key || '-' || n,
         '2026-01-01T00:00:00Z'::timestamptz + sc.chat_key * interval '1 minute' + n * interval '1 second',
         4, n % 2 = 1, c.chat_id, 'chat',
         'Hello, your order ' || sc.chat_key || ' has left our house and arrives on day ' || n || ' of the month',
         '{\"delivered\": {}, \"read\": {}, \"pending\": []}',
         to_tsvector('simple', format('%1$sHello %1$sorder %1$s%2$s %1$sleft %1$shouse %1$sarrives %1$sday %1$s%3$s %1$smonth',
             right(sc.org_id::text, 1), sc.chat_key, n))
     FROM session_chats sc
     JOIN chats c ON c.org_id = sc.org_id AND c.chat_key = sc.chat_key
     CROSS JOIN generate_series(1, 5) n
     WHERE sc.org_id = $org AND sc.session_id = $session_1",
    "UPDATE session_chats s SET latest_arrival = m.arrival
     FROM messages m
     WHERE m.org_id = s.org_id AND m.session_id = s.session_id AND m.chat_key = s.chat_key
         AND m.message_id = s.latest_message_id AND s.org_id = $org",
    // In a contact's chat: the contact and the first session's number. In a group: twenty contacts.
    "INSERT INTO chat_members (org_id, chat_key, contact_id, is_admin)
     SELECT c.org_id, c.chat_key, contact_id, true
     FROM chats c, unnest(ARRAY[c.chat_id, (SELECT min(phone) || '@c.us' FROM sessions WHERE org_id = $org)]) contact_id
     WHERE c.org_id = $org AND c.type = 'user'
     UNION ALL
     SELECT g.org_id, g.chat_key, ($first_contact + (g.chat_key * 20 + n) % $contacts) || '@c.us', false
     FROM chats g, generate_series(1, 20) n
     WHERE g.org_id = $org AND g.type = 'group'",
    "INSERT INTO labels (org_id, label_id, name, label_key)
     SELECT $org, 'label-' || repeat(chr(96 + n), 16), 'Label ' || n, 'label ' || n FROM generate_series(1, 20) n",
    "INSERT INTO chat_labels (org_id, chat_key, label_id)
     SELECT org_id, chat_key, 'label-' || repeat(chr((97 + (chat_key + n) % 20)::int), 16)
     FROM chats, generate_series(0, 1) n WHERE org_id = $org AND chat_key % 2 = 0",
    "WITH access AS (
         INSERT INTO chat_access (org_id, chat_key, member_key, allowed)
         SELECT c.org_id, c.chat_key, m.member_key, true
         FROM chats c JOIN members m ON m.org_id = c.org_id WHERE c.org_id = $org AND c.chat_key % 10 = 0
     )
     INSERT INTO chat_properties (org_id, chat_key, property_id, value)
     SELECT c.org_id, c.chat_key, p.property_id, '\"hello\"'
     FROM chats c JOIN properties p ON p.org_id = c.org_id WHERE c.org_id = $org AND c.chat_key % 3 = 0",
];
