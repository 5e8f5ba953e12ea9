//! The messages and services of `proto/`, as `build.rs` generates them.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

tonic::include_proto!("switchboard.v1");

/// Every file of `proto/`, encoded, with our own options: what reflection and OpenAPI read.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
