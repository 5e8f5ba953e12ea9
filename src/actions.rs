//! The rules. A file per noun; no wire in sight.

pub mod keys;
