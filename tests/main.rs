//! Everything the service promises, tried from outside: the real binary, real PostgreSQL, real clients.

mod clients;
mod doors;
mod ingest;
mod layers;
mod openapi;
mod schema;
mod support;
