//! OpenAPI 3.1 of the REST APIs, made from the descriptors that their routes are made from.

mod api;
mod comments;
mod document;
mod errors;
mod operation;
mod parameters;
mod schema;

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

/// Describes what is served over REST: the service of that full name (`switchboard.v1.ChatService`), or all that
/// declare a dialect. `descriptors` is an encoded `FileDescriptorSet` with source info, such as `pb::DESCRIPTORS`.
pub fn document(descriptors: &[u8], service: Option<&str>) -> Result<Value, DocumentError> {
    let pool = DescriptorPool::decode(descriptors).map_err(DocumentError::Descriptors)?;
    let mut apis = api::read(&pool)?;
    if let Some(name) = service {
        apis.retain(|api| api.service.full_name() == name);
        if apis.is_empty() {
            return Err(DocumentError::UnknownService(name.to_owned()));
        }
    }
    Ok(document::write(&pool, &apis))
}
