//! Everything the service promises, tried from outside.

// A test that cannot go on has failed; the line it stops at says why.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cli;
