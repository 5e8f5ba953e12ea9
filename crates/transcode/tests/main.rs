//! Tests of the transcoder: its templates and router, and two services behind it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failed test panics")]

mod cases;
mod echo;
mod harness;
mod library;
mod properties;
