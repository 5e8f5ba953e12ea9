//! Responses that are streams.

use std::pin::Pin;

use futures_util::stream::unfold;
use tokio::time::timeout_at;
use tonic::Status;
use tonic::codegen::tokio_stream::{Stream, StreamExt};

use crate::deadline;
use crate::error::{Error, Kind};

/// The items of a streaming response.
pub(super) type ResponseStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Ends the stream with DEADLINE_EXCEEDED at the deadline that the client set for the current call.
///
/// The server's own deadline covers only the beginning of a stream.
pub(super) fn until_deadline<T: 'static>(
    items: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> ResponseStream<T> {
    let items: ResponseStream<T> = Box::pin(items);
    let Some(end) = deadline::client() else { return items };
    Box::pin(unfold(Some(items), move |items| async move {
        let mut items = items?;
        match timeout_at(end.into(), items.next()).await {
            Ok(item) => item.map(|item| (item, Some(items))),
            Err(_) => Some((Err(Error::new(Kind::DeadlineExceeded, deadline::EXCEEDED).into()), None)),
        }
    }))
}
