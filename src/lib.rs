//! Switchboard stores an organization's WhatsApp chats and serves them over gRPC, gRPC-Web and REST on one port.
//!
//! A request's way is a straight line and the same for every door: `server` → (`transcode` for REST) → `api` →
//! `actions` → `store`. A module uses its own layer and those below it; the README's map says which is which.

pub mod caller;
pub mod config;
pub mod error;
pub mod ids;
pub mod instant;
pub mod patch;
pub mod pb;
pub mod store;
pub mod transcode;
