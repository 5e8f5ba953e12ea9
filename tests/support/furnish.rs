//! The organizations of a world, as the command line makes them.

use super::database::Database;
use super::sql::{disabled_connection, disabled_webhook, queued_send};

/// An organization, as the command line made it.
#[derive(Clone, Debug)]
pub struct Org {
    /// Its id, a UUID.
    pub id: String,
    /// Its phone numbers, in digits.
    pub numbers: [String; 2],
    /// The session of each number.
    pub sessions: [String; 2],
    /// Emails of its members.
    pub members: [String; 2],
    /// Id of its text property, which is named `note`.
    pub note: String,
    /// Id of a label that no chat has.
    pub label: String,
    /// Id of a disabled webhook.
    pub webhook: String,
    /// Id of a dead letter of that webhook.
    pub dead_letter: String,
    /// Id of a disabled connection.
    pub connection: String,
    /// Number of an event of that connection that failed.
    pub failed_event: String,
    /// A queued send of its second session.
    pub send: String,
    /// An api-key with `read` and `send`.
    pub key: String,
}

/// Makes both organizations, through the command line.
pub fn furnish(database: &Database) -> [Org; 2] {
    let acme = create_org(database, "Acme", ["15550100400", "15550100401"]);
    let other = create_org(database, "Other", ["15550100500", "15550100501"]);
    [acme, other]
}

fn create_org(database: &Database, name: &str, numbers: [&str; 2]) -> Org {
    let id = database.cli(&["org", "create", "--name", name]);
    let sessions = numbers.map(|phone| database.cli(&["session", "create", "--org", &id, "--phone", phone]));
    let members = ["agent", "second"].map(|who| format!("{who}@{}.example", name.to_lowercase()));
    for email in &members {
        database.cli(&["member", "add", "--org", &id, "--email", email]);
    }
    let note = database.cli(&["property", "create", "--org", &id, "--name", "note", "--kind", "text"]);
    let label = format!("label-{:a<16}", name.to_lowercase());
    database.sql().run_as(&id, &format!("INSERT INTO labels VALUES ('{id}', '{label}', 'unused', 'unused')"));
    let (webhook, dead_letter) = (format!("webhook-{}", &label[6..]), format!("70000000{:02}", name.len()));
    database.sql().run_as(&id, &disabled_webhook(&id, &webhook, &dead_letter));
    let (connection, failed_event) = (connection_id(&id, name.len()), format!("80000000{:02}", name.len()));
    let sql = disabled_connection(&id, &sessions[0], &connection, &failed_event);
    database.sql().run_as(&id, &sql);
    let send = uuid::Uuid::now_v7().to_string();
    database.sql().run_as(&id, &queued_send(&id, &sessions[1], &send));
    let key = database.create_key(&id, "read,send", &[]);
    Org {
        id,
        numbers: numbers.map(str::to_owned),
        sessions,
        members,
        note,
        label,
        webhook,
        dead_letter,
        connection,
        failed_event,
        send,
        key,
    }
}

/// The id of a connection of the organization.
pub fn connection_id(org: &str, number: usize) -> String {
    format!("{}{number:032x}", org.replace('-', ""))
}
