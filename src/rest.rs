//! The REST protocol: the generated routes and OpenAPI documents, and how the transcoder shows this service's errors.

mod errors;
pub mod openapi;

pub use errors::{body_limit, describe, gunzip, options};

/// The path of media files before their id: the only routes of the REST APIs that no RPC serves.
pub const MEDIA: &str = "/v1/media/";

/// The routes of the services in `proto/`, as `build.rs` generates them: one function for each service.
#[allow(unused_imports, reason = "depends on the protos")]
#[allow(clippy::too_many_lines, reason = "a function lists all routes of a service")]
pub mod routes {
    include!(concat!(env!("OUT_DIR"), "/transcode.rs"));
}
