//! `switchboard member`: the people of an organization.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use super::output::{self, Row};
use super::{Context, Failure};
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::members::{self, Manager, MemberRow, NewMember, Role};
use crate::ids::OrgId;
use crate::instant::Instant;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a member, or give the one with that email another name or role
    Add {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// The email, compared without regard to case
        #[arg(long)]
        email: String,
        /// The person's name
        #[arg(long)]
        name: Option<String>,
        /// What the member may do; a new one is a `member` when left out
        #[arg(long, value_parser = role_parser())]
        role: Option<Role>,
    },
    /// List an organization's members: email, role, name
    List {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a member; chats assigned to it become unassigned
    Remove {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// The email, compared without regard to case
        #[arg(long)]
        email: String,
    },
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|role| role.parse::<Role>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    email: String,
    role: String,
    name: Option<String>,
    created_at: i64,
}

impl From<MemberRow> for Shown {
    fn from(row: MemberRow) -> Self {
        let created_at = Instant::millis(row.created_at);
        Self { email: row.email, role: row.role, name: row.name, created_at }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        vec![self.email.clone(), self.role.clone(), self.name.clone().unwrap_or_default()]
    }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Add { org, email, name, role } => {
            let new = NewMember { email, name, role };
            Ok(members::add_or_update(store, Manager::operator(org), new).await?)
        }
        Command::List { org, json } => {
            let shown: Vec<_> = members::list(store, org).await?.into_iter().map(Shown::from).collect();
            output::list(&shown, json)
        }
        Command::Remove { org, email } => {
            let operator = Manager::operator(org);
            Ok(members::remove(store, operator, &email, Precondition::NONE, IdempotentWrite::unkeyed())
                .await?)
        }
    }
}
