//! Switchboard stores an organization's WhatsApp chats and serves them over gRPC, gRPC-Web and REST on one port.
//!
//! A request's way is a straight line and the same for every protocol: `server` → (`rest` and the crate `transcode` for REST) → `api` →
//! `actions` → `store`. A module uses its own layer and those below it; the README's map says which is which.

pub mod actions;
pub mod api;
pub mod auth;
pub mod caller;
pub mod cli;
pub mod config;
pub mod connect;
pub mod cursor;
pub mod deadline;
pub mod digest;
pub mod error;
pub mod fair_share;
pub mod folding;
pub mod full_text;
pub mod ids;
pub mod instant;
pub mod patch;
pub mod reloading;
pub mod rest;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod text_key;

/// What is generated from `proto/`.
pub use switchboard_proto as pb;
