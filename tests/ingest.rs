//! Ingest: events and what is stored.

mod cases;
mod claims;
mod commands;
mod convergence;
mod deleted_chats;
mod deletions;
mod demo;
mod export;
mod import;
mod links;
mod rejections;
mod rules;
mod setup;
pub mod stream;
mod waiting;

use serde_json::{Value, json};
use switchboard::actions::idempotency::IdempotentWrite;
use switchboard::actions::ingest::{self, IngestEvent, SessionScope};
use switchboard::actions::{orgs, sessions};
use switchboard::config::Secret;
use switchboard::error::{Error, Result};
use switchboard::ids::OrgId;
use switchboard::pb::ingest_json;
use switchboard::store::{PoolOptions, Store};

use crate::support::{Cluster, Database};
use convergence::EARLIER;

pub const NUMBER: &str = "15550100400";
pub const SESSION: &str = "01J9ZX8K2QHV0M3T6R7P4N5W8C";
pub const OTHER_NUMBER: &str = "15550100401";

/// An organization with two sessions.
pub struct TestOrg {
    pub database: Database,
    pub store: Store,
    pub org: OrgId,
}

impl TestOrg {
    pub async fn new() -> Self {
        let database = Cluster::get().await.migrated_database().await;
        Self::on(&database).await
    }

    pub async fn on(database: &Database) -> Self {
        let store = Store::new(Secret::new(&database.url), PoolOptions::background(4));
        let org = orgs::create(&store, None, "Acme").await.expect("an organization");
        for (id, phone) in [(Some(SESSION), NUMBER), (None, OTHER_NUMBER)] {
            let id = id.map(|id| id.parse().expect("a session id"));
            let new = sessions::NewSession { id, phone: phone.parse().expect("digits"), label: None };
            sessions::create(&store, org, new, IdempotentWrite::unkeyed()).await.expect("a session");
        }
        Self { database: database.clone(), store, org }
    }

    /// Applies events of the first session in one batch, each as `{"<kind>": {…}}`.
    pub async fn apply(&self, events: &[Value]) -> Vec<Result<()>> {
        let batch = events.iter().map(event).collect();
        ingest::apply(&self.store, &SessionScope::all(self.org), batch).await.expect("a working database")
    }

    /// Applies events and requires that all are stored.
    pub async fn accept(&self, events: &[Value]) {
        for (event, outcome) in events.iter().zip(self.apply(events).await) {
            outcome.unwrap_or_else(|error| panic!("{event}: {error}"));
        }
    }

    /// Applies an event and requires that it is rejected.
    pub async fn reject(&self, event: Value) -> Error {
        let outcome = self.apply(std::slice::from_ref(&event)).await.remove(0);
        outcome.expect_err(&event.to_string())
    }

    /// The rows of a query in which `$org` is the organization.
    pub fn rows(&self, query: &str) -> Vec<Value> {
        self.database.sql().rows(&query.replace("$org", &format!("'{}'", self.org)))
    }

    /// The only row of such a query.
    pub fn row(&self, query: &str) -> Value {
        let rows = self.rows(query);
        assert_eq!(rows.len(), 1, "{query}: {rows:?}");
        rows.into_iter().next().expect("a row")
    }

    /// Everything that is stored of the organization's chats, without generated values, and without the versions of authors that are
    /// part of a key: those never change. Stored numbers of members are true.
    pub fn copy(&self) -> Vec<(&'static str, Vec<Value>)> {
        let miscounted = "SELECT chat_id, member_count FROM chats x WHERE org_id = $org AND member_count <>
            (SELECT count(*) FROM chat_members m WHERE m.org_id = x.org_id AND m.chat_key = x.chat_key)";
        let miscounted = self.rows(miscounted);
        assert!(miscounted.is_empty(), "{miscounted:?}");
        // An alias of two numbers is shown in the chats and groups of the person only: not in a reaction elsewhere.
        let views = format!(
            "SELECT phone, chat_id, message_id, author, sender, delivery, details, reactions
             FROM (
                 SELECT v.* FROM message_views v
                 JOIN messages m USING (org_id, session_id, chat_key, message_id, from_me, author)
                 WHERE concat(m.delivery, m.reactions) NOT LIKE '%{EARLIER}%'
             ) x JOIN chats USING (org_id, chat_key) JOIN sessions USING (org_id, session_id)"
        );
        let tables: [(&'static str, &str); 10] = [
            ("contacts", "SELECT contact_id, name, color, image, is_internal FROM contacts x"),
            (
                "chats",
                "SELECT chat_id, type, name, image, description, member_add_mode, closed_at, created_at
                 FROM chats x",
            ),
            (
                "chat_addresses",
                "SELECT address, chat_id FROM chat_addresses x JOIN chats USING (org_id, chat_key)",
            ),
            ("person_links", "SELECT address, person FROM person_links x"),
            (
                "chat_members",
                "SELECT chat_id, contact_id, is_admin, is_super_admin
                 FROM chat_members x JOIN chats USING (org_id, chat_key)",
            ),
            (
                "session_chats",
                "SELECT phone, chat_id, archived, pinned, exited, muted_until, read_up_to, unread,
                        latest_message_id, last_message_at
                 FROM session_chats x JOIN chats USING (org_id, chat_key) JOIN sessions USING (org_id, session_id)",
            ),
            (
                "messages",
                "SELECT phone, chat_id, message_id, author, sent_at, x.updated_at, ack, from_me, sender, x.type, body,
                        delivery, details, first_body, reactions,
                        CASE WHEN author = '' THEN x.field_times
                             ELSE nullif(x.field_times - '{author,sender_phone}'::text[], '{}') END AS field_times
                 FROM messages x JOIN chats USING (org_id, chat_key) JOIN sessions USING (org_id, session_id)",
            ),
            ("message_views", &views),
            (
                "waiting_updates",
                "SELECT phone, address, message_id, sender, kind, contact_id, at, value
                 FROM waiting_updates x JOIN sessions USING (org_id, session_id)",
            ),
            ("sessions", "SELECT phone, status, status_at, last_connected_at FROM sessions x"),
        ];
        tables
            .into_iter()
            .map(|(table, query)| {
                let ordered = format!("SELECT * FROM ({query} WHERE x.org_id = $org) y ORDER BY y::text");
                (table, self.rows(&ordered))
            })
            .collect()
    }
}

/// An event of the first session, unless it names another one.
pub fn event(event: &Value) -> IngestEvent {
    let mut event = event.clone();
    let fields = event.as_object_mut().expect("an object");
    fields.entry("session").or_insert_with(|| json!(NUMBER));
    ingest_json::read(event.to_string().as_bytes()).expect("an event")
}
