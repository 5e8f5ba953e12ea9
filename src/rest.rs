//! The REST protocol: how the transcoder shows this service's errors.

mod errors;
mod gunzip;

pub use errors::{body_limit, describe, options};
pub use gunzip::gunzip;

/// The path of media files before their id: the only routes of the REST APIs that no RPC serves.
pub const MEDIA: &str = "/v1/media/";
