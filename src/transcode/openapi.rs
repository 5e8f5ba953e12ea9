//! OpenAPI 3.1 of the REST APIs, made from the descriptors that their routes are made from.

mod api;
mod comments;
mod document;
mod errors;
mod example;
mod json_types;
mod operation;
mod parameters;
mod schema;
mod values;

use prost_reflect::{DescriptorError, DescriptorPool};
use serde_json::Value;

/// Why no document could be made.
#[derive(Debug)]
pub enum DocumentError {
    /// The descriptors are not a complete set of proto files.
    Descriptors(DescriptorError),
    /// No service of that full name has REST routes.
    UnknownService(String),
    /// One of our options does not have the shape that `options.proto` gives it; the text names the option.
    Option(String),
}

impl std::fmt::Display for DocumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Descriptors(error) => error.fmt(f),
            Self::UnknownService(name) => write!(f, "no service `{name}` with REST routes"),
            Self::Option(name) => write!(f, "the option `{name}` cannot be read"),
        }
    }
}

impl std::error::Error for DocumentError {}

/// Everything that can be described: the services that declare a dialect.
pub struct Apis {
    pool: DescriptorPool,
    apis: Vec<api::Api>,
}

impl Apis {
    /// Reads an encoded `FileDescriptorSet` with source info, such as `pb::DESCRIPTORS`.
    pub fn read(descriptors: &[u8]) -> Result<Self, DocumentError> {
        let pool = DescriptorPool::decode(descriptors).map_err(DocumentError::Descriptors)?;
        let apis = api::read(&pool)?;
        Ok(Self { pool, apis })
    }

    /// The document of all.
    pub fn whole(&self) -> Value {
        document::write(&self.pool, &self.apis.iter().collect::<Vec<_>>())
    }

    /// The document of the service of that full name, such as `switchboard.v1.ChatService`.
    pub fn of(&self, service: &str) -> Result<Value, DocumentError> {
        let api = self.apis.iter().find(|api| api.service.full_name() == service);
        let api = api.ok_or_else(|| DocumentError::UnknownService(service.to_owned()))?;
        Ok(document::write(&self.pool, &[api]))
    }
}

/// Describes what is served over REST: the service of that full name, or all.
pub fn document(descriptors: &[u8], service: Option<&str>) -> Result<Value, DocumentError> {
    let apis = Apis::read(descriptors)?;
    service.map_or_else(|| Ok(apis.whole()), |service| apis.of(service))
}
