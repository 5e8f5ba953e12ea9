//! `switchboard org`: organizations.

use clap::Subcommand;
use serde::Serialize;

use super::output::{self, Row};
use super::{Context, Failure};
use crate::actions::orgs::{self, OrgRow};
use crate::ids::OrgId;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an organization and print its id
    Create {
        /// Name shown to operators
        #[arg(long)]
        name: String,
        /// Its id, a UUID; a new one when left out
        #[arg(long, value_name = "UUID")]
        id: Option<OrgId>,
    },
    /// List all organizations, oldest first: id, name, enabled or disabled, when created
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse every token of an organization, everywhere within 5 seconds
    Disable {
        /// The organization
        #[arg(value_name = "ORG_ID")]
        org: OrgId,
    },
    /// Accept the tokens of an organization again
    Enable {
        /// The organization
        #[arg(value_name = "ORG_ID")]
        org: OrgId,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    org_id: String,
    name: String,
    disabled_at: Option<i64>,
    created_at: i64,
    #[serde(skip)]
    columns: [String; 2],
}

impl From<OrgRow> for Shown {
    fn from(row: OrgRow) -> Self {
        let state = if row.disabled_at.is_some() { "disabled" } else { "enabled" };
        Self {
            org_id: row.org_id.to_string(),
            name: row.name,
            disabled_at: row.disabled_at.map(|at| at.millis()),
            created_at: row.created_at.millis(),
            columns: [state.to_owned(), output::moment(row.created_at)],
        }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        let [state, created_at] = self.columns.clone();
        vec![self.org_id.clone(), self.name.clone(), state, created_at]
    }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Create { name, id } => output::value(orgs::create(store, id, &name).await?),
        Command::List { json } => {
            let shown: Vec<_> = orgs::list(store).await?.into_iter().map(Shown::from).collect();
            output::list(&shown, json)
        }
        Command::Disable { org } => Ok(orgs::set_disabled(store, org, true).await?),
        Command::Enable { org } => Ok(orgs::set_disabled(store, org, false).await?),
    }
}
