//! `switchboard property`: the custom properties of an organization's chats.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use super::output::{self, Row};
use super::{Context, Failure};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::properties::{self, NewProperty, PropertyKind, PropertyRow};
use crate::ids::{OrgId, PropertyId};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Define a property and print its id
    Create {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// Its name, unique in the organization
        #[arg(long)]
        name: String,
        /// What values it may have
        #[arg(long, value_parser = kind_parser())]
        kind: PropertyKind,
        /// What a dropdown or picklist may hold; give one for each
        #[arg(long = "option", value_name = "OPTION")]
        options: Vec<String>,
        /// Its id, `property-` and 16 lower-case letters; a new one when left out
        #[arg(long, value_name = "PROPERTY_ID")]
        id: Option<PropertyId>,
    },
    /// List an organization's properties: property id, name, kind, options
    List {
        /// The organization
        #[arg(long, value_name = "ORG_ID")]
        org: OrgId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

fn kind_parser() -> impl TypedValueParser<Value = PropertyKind> {
    PossibleValuesParser::new(PropertyKind::ALL.map(PropertyKind::as_str))
        .try_map(|kind| kind.parse::<PropertyKind>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    property_id: String,
    name: String,
    kind: String,
    options: Vec<String>,
    created_at: i64,
}

impl From<PropertyRow> for Shown {
    fn from(row: PropertyRow) -> Self {
        Self {
            property_id: row.property_id.to_string(),
            name: row.name,
            kind: row.kind,
            options: row.options,
            created_at: row.created_at.millis(),
        }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        vec![self.property_id.clone(), self.name.clone(), self.kind.clone(), self.options.join(",")]
    }
}

pub(super) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let store = &context.store;
    match command {
        Command::Create { org, name, kind, options, id } => {
            let new = NewProperty { id, name, kind, options };
            let created = properties::create(store, org, new, IdempotentWrite::unkeyed()).await?;
            output::value(created.property_id)
        }
        Command::List { org, json } => {
            let shown: Vec<_> = properties::list(store, org).await?.into_iter().map(Shown::from).collect();
            output::list(&shown, json)
        }
    }
}
