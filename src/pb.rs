//! The messages and services of `proto/`, as `build.rs` generates them.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

pub mod ingest_json;

tonic::include_proto!("switchboard.v1");

/// Every file of `proto/`, encoded, with our own options: what reflection and OpenAPI read.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// An RPC and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its path, such as `/switchboard.v1.ChatService/GetChat`.
    pub path: &'static str,
    /// What the caller must be allowed to do.
    pub capability: Capability,
    /// Whether it answers a stream.
    pub is_stream: bool,
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// An answer that can be kept, because its secrets can be left out.
pub trait Redact {
    /// Empties the fields that are marked `debug_redact`, in messages inside of it too.
    fn redact(&mut self);
}

/// `google.protobuf.Empty`.
impl Redact for () {
    fn redact(&mut self) {}
}

mod redact {
    use super::Redact;
    use crate::pb;

    include!(concat!(env!("OUT_DIR"), "/redact.rs"));
}
