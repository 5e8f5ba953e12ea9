//! The messages and services of `proto/`, as `build.rs` generates them.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

tonic::include_proto!("switchboard.v1");

/// The options that describe a REST API: `transcode.v1`.
pub mod rest {
    tonic::include_proto!("transcode.v1");
}

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

/// A service with REST routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its short name, such as `chat`.
    pub name: &'static str,
    /// The service's full name, such as `switchboard.v1.ChatService`.
    pub service: &'static str,
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
