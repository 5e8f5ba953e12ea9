//! The REST protocol of this service: its routes and dialects, with stub services behind them.

mod bodies;
mod errors;
mod properties;
mod routing;
mod stub;
