//! The rules. A file per noun; no wire in sight.

pub mod ingest;
pub mod keys;
pub mod members;
mod name;
pub mod orgs;
pub mod properties;
pub mod sessions;
