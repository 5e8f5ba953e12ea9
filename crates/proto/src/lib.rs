//! What `build.rs` generates from `proto/`: messages, services, RPCs, REST routes, validation and OpenAPI documents.

pub mod ingest_json;
pub mod json_value;
pub mod openapi;
pub mod unix_time;

pub use generated::*;

mod generated {
    #![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

    tonic::include_proto!("switchboard.v1");
}

/// The REST routes of the services: one function for each.
#[allow(clippy::too_many_lines, unused_imports, reason = "generated")]
pub mod routes {
    include!(concat!(env!("OUT_DIR"), "/transcode.rs"));
}

/// Validation of requests against the constraints in the protos.
#[allow(clippy::result_large_err, reason = "generated")]
pub mod validation {
    include!(concat!(env!("OUT_DIR"), "/validation.rs"));
}

/// The encoded descriptors of `proto/`, with options, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// An RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its path, such as `/switchboard.v1.ChatService/GetChat`.
    pub path: &'static str,
    /// The capabilities that the caller needs.
    pub capabilities: &'static [Capability],
    /// Whether a key that is limited to some sessions is rejected.
    pub all_sessions: bool,
    /// Whether the response is a stream.
    pub is_stream: bool,
    /// Whether the request is a stream.
    pub reads_stream: bool,
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));
include!(concat!(env!("OUT_DIR"), "/message_types.rs"));

impl Method {
    /// The RPC with that path.
    pub fn of(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }
}

/// A message that can be stored without its secrets.
pub trait Redact {
    /// Clears the fields with `(switchboard.v1.secret)`, also in nested messages.
    fn redact(&mut self);
}

/// `google.protobuf.Empty`.
impl Redact for () {
    fn redact(&mut self) {}
}

mod redact {
    use super::Redact;
    use crate as pb;

    include!(concat!(env!("OUT_DIR"), "/redact.rs"));
}
