//! Everything the service promises, tried from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod transcode;
