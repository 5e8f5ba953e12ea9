//! `switchboard member`: members of an organization.

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::arguments::{ListArguments, OrgArgument};
use super::context::Context;
use super::failure::Failure;
use super::output::{self, Row};
use crate::actions::Precondition;
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::members::{self, Manager, MemberRow, NewMember, Role};

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

fn row(MemberRow { email, role, name, created_at }: MemberRow) -> Row {
    let json = json!({"email": email, "role": role, "name": name, "createdAt": created_at.millis()});
    Row { columns: vec![email, role, name.unwrap_or_default()], json }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Add { of, email, name, role } => {
            let new = NewMember { email, name, role };
            Ok(members::add_or_update(store, Manager::operator(of.org), new).await?)
        }
        Command::List(ListArguments { of, output }) => {
            output::list(members::list(store, of.org).await?.into_iter().map(row), output.json)
        }
        Command::Remove { of, email } => {
            let operator = Manager::operator(of.org);
            Ok(members::remove(store, operator, &email, Precondition::NONE, IdempotentWrite::unkeyed())
                .await?)
        }
    }
}
