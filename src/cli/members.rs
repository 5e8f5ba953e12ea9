//! `switchboard member`: members of an organization.

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::arguments::{ListArguments, OrgArgument};
use super::context::Context;
use super::failure::Failure;
use super::output::{self, Row};
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::members::{self, Manager, MemberRow, NewMember, Role};
use crate::instant::Instant;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a member, or update the name or role of the member with that email
    Add {
        #[command(flatten)]
        of: OrgArgument,
        /// Email address; case-insensitive
        #[arg(long)]
        email: String,
        /// Name of the person
        #[arg(long)]
        name: Option<String>,
        /// Role; `member` for a new one by default
        #[arg(long, value_parser = role_parser())]
        role: Option<Role>,
    },
    /// List an organization's members: email, role, name
    List(ListArguments),
    /// Remove a member and unassign their chats
    Remove {
        #[command(flatten)]
        of: OrgArgument,
        /// Email address; case-insensitive
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
        Command::Add { of, email, name, role } => {
            let new = NewMember { email, name, role };
            Ok(members::add_or_update(store, Manager::operator(of.org), new).await?)
        }
        Command::List(ListArguments { of, output }) => {
            output::list::<Shown>(members::list(store, of.org).await?, output.json)
        }
        Command::Remove { of, email } => {
            let operator = Manager::operator(of.org);
            Ok(members::remove(store, operator, &email, Precondition::NONE, IdempotentWrite::unkeyed())
                .await?)
        }
    }
}
