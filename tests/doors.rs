//! What everyone outside sees, tried through REST, gRPC and gRPC-Web.

mod bodies;
mod browsers;
mod corpus;
mod docs;
mod documents;
mod http;
mod idempotency;
mod logins;
mod races;
mod refusals;
mod samples;
mod search;
mod stops;
mod strangers;
