//! Everything the service promises, tried from outside: the real binary, real PostgreSQL, real clients.

// A test that cannot go on has failed; the line it stops at says why.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cli;
mod clients;
mod doors;
mod ingest;
mod layers;
mod openapi;
mod schema;
mod support;
mod transcode;
