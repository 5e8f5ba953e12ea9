//! `switchboard openapi`: the OpenAPI 3.1 document of the REST APIs.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::{Failure, output};
use crate::pb::openapi::{APIS, WHOLE};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print only the document of this API; default: one document of all APIs
    #[arg(long, value_parser = names())]
    api: Option<String>,
}

fn names() -> PossibleValuesParser {
    APIS.iter().map(|api| api.name).collect::<Vec<_>>().into()
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let name = arguments.api.as_deref();
    let api = name.and_then(|name| APIS.iter().find(|api| api.name == name));
    let document = api.map_or(WHOLE, |api| api.document);
    let document: Value = serde_json::from_str(document).map_err(|error| Failure::new(error.to_string()))?;
    output::json(&document)
}
