//! Switchboard stores an organization's WhatsApp chats and serves them over gRPC, gRPC-Web and REST on one port.
//!
//! A request's way is a straight line and the same for every protocol: `server` → (`rest` and the crate `transcode` for REST) → `api` →
//! `actions` → `store`. A module uses its own layer and those below it; the README's map says which is which.

pub mod actions;
pub mod api;
pub mod auth;
pub mod cli;
pub mod connect;
pub mod rest;
pub mod server;

pub use switchboard_core::{
    caller, config, cursor, deadline, digest, error, fair_share, folding, full_text, ids, instant, patch,
    reloading, telemetry, text_key,
};
/// What is generated from `proto/`.
pub use switchboard_proto as pb;
pub use switchboard_store as store;
