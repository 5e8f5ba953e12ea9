//! Reading of client messages.

use tonic::{Status, Streaming};

use crate::error::{Error, Kind, unreadable};

/// The next message; `None` at the end of the client's half.
pub(super) async fn next<M>(messages: &mut Streaming<M>) -> Result<Option<M>, Status> {
    let next = messages.message().await;
    next.map_err(|status| unreadable(&status).map_or(status, Status::from))
}

/// The error that ends streams when the server shuts down.
pub(super) fn shutting_down() -> Error {
    Error::new(Kind::Unavailable, "the server is shutting down")
}
