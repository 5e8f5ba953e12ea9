//! What everyone outside sees, tried through REST, gRPC and gRPC-Web.

mod audit;
mod bodies;
mod browsers;
mod chat_bulk;
mod chat_lists;
mod corpus;
mod degraded;
mod docs;
mod documents;
mod http;
mod idempotency;
mod logins;
mod organization;
mod persons;
mod races;
mod rate_limits;
mod read_state;
mod readiness;
mod refusals;
mod samples;
mod search;
mod session_lists;
mod sessions;
mod stops;
mod strangers;
mod unreadable;
