//! `switchboard session`: an organization's numbers.

use clap::Subcommand;
use serde::Serialize;

use super::output::{self, Row};
use super::{Context, Failure};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::sessions::{self, NewSession, SessionRow};
use crate::ids::{OrgId, Phone, SessionId};
use crate::instant::Instant;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Attach a number and print its session id
    Create {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// The number: country code and number in digits
        #[arg(long, value_name = "DIGITS")]
        phone: Phone,
        /// Name for it
        #[arg(long)]
        label: Option<String>,
        /// The session's id, a ULID; a new one when left out
        #[arg(long, value_name = "ULID")]
        id: Option<SessionId>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List an organization's sessions, oldest first: session id, number, phone id, status, label
    List {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    session_id: String,
    phone: String,
    phone_id: String,
    label: Option<String>,
    status: String,
    last_connected_at: Option<i64>,
    created_at: i64,
}

impl From<SessionRow> for Shown {
    fn from(row: SessionRow) -> Self {
        Self {
            session_id: row.session_id.to_string(),
            phone: row.phone.to_string(),
            phone_id: row.phone_id.to_string(),
            label: row.label,
            status: row.status,
            last_connected_at: row.last_connected_at.map(Instant::millis),
            created_at: row.created_at.millis(),
        }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        let label = self.label.clone().unwrap_or_default();
        vec![self.session_id.clone(), self.phone.clone(), self.phone_id.clone(), self.status.clone(), label]
    }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Create { org, phone, label, id, json } => {
            let new = NewSession { id, phone, label };
            let session = Shown::from(sessions::create(store, org, new, IdempotentWrite::unkeyed()).await?);
            output::created(&session.session_id, &session, json)
        }
        Command::List { org, json } => {
            let shown: Vec<_> = sessions::list(store, org).await?.into_iter().map(Shown::from).collect();
            output::list(&shown, json)
        }
    }
}
