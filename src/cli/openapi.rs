//! `switchboard openapi`: the OpenAPI 3.1 document of the REST APIs.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::{Failure, output};
use crate::pb;
use crate::transcode::openapi;

#[derive(Args)]
pub(super) struct Arguments {
    /// Only that API; all in one document when left out
    #[arg(long, value_parser = names())]
    api: Option<String>,
}

fn names() -> PossibleValuesParser {
    pb::APIS.iter().map(|api| api.name).collect::<Vec<_>>().into()
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let api = arguments.api.as_deref();
    let api = api.and_then(|name| pb::APIS.iter().find(|api| api.name == name));
    let document = openapi::document(pb::DESCRIPTORS, api.map(|api| api.service));
    output::json(&document.map_err(|error| Failure::new(error.to_string()))?)
}
