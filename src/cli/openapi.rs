//! `switchboard openapi`: the OpenAPI 3.1 document of the REST APIs.

use clap::{Args, ValueEnum};

use super::{Failure, output};
use crate::pb;
use crate::transcode::openapi;

#[derive(Args)]
pub(super) struct Arguments {
    /// Only that API; all in one document when left out
    #[arg(long, value_enum)]
    api: Option<Api>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Api {
    /// The shared inbox, under /v1
    Chat,
    /// Sessions and what their numbers see, under /api/v1
    Session,
    /// The organization's own settings, under /api/v1/organization
    Organization,
}

impl Api {
    /// The full name of the API's service.
    const fn service(self) -> &'static str {
        match self {
            Self::Chat => "switchboard.v1.ChatService",
            Self::Session => "switchboard.v1.SessionService",
            Self::Organization => "switchboard.v1.OrganizationService",
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let service = arguments.api.map(Api::service);
    let document = openapi::document(pb::DESCRIPTORS, service);
    output::json(&document.map_err(|error| Failure::new(error.to_string()))?)
}
