//! The rules, with no wire in sight. A file per noun.

pub mod ingest;
