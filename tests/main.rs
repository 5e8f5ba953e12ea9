//! Everything the service promises, tried from outside: the real binary, real PostgreSQL, real clients.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failing test panics with the reason")]

mod cli;
mod clients;
mod connect;
mod contract;
mod database;
mod deploy;
mod events;
mod ingest;
mod layers;
mod live;
mod openapi;
mod plans;
mod protocols;
mod restore;
mod schema;
mod soak;
mod support;
mod telemetry;
mod tls;
mod transcode;
mod watch;
mod webhooks;
