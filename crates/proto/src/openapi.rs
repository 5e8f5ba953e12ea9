//! The OpenAPI 3.1 documents of the REST APIs, as the build writes them.

/// The document of all APIs, as JSON.
pub const WHOLE: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// One REST API: the services with one path prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its name, such as `chat`.
    pub name: &'static str,
    /// Its document, as JSON.
    pub document: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/openapi.rs"));
