//! The types that all rooms of the server share: request, response, rejection.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::IntoResponse;
use http::HeaderName;
use tower::util::BoxCloneSyncService;

use crate::error::Error;

/// A request of any protocol.
pub type Request = http::Request<Body>;

/// A response of any protocol.
pub type Response = http::Response<Body>;

/// The service that handles every request of the listener.
pub type Stack = BoxCloneSyncService<Request, Response, Infallible>;

/// The header with the id that a response shares with its log lines.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A rejected request.
/// The stack writes the error in the request's protocol and keeps the rejection's headers.
pub struct Rejection(pub Error);

#[derive(Clone)]
struct Unwritten(Arc<Error>);

impl Rejection {
    /// Takes the error out of a response that is still to be written.
    pub fn take(response: &mut Response) -> Option<Error> {
        let Unwritten(error) = response.extensions_mut().remove()?;
        Arc::into_inner(error)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Unwritten(Arc::new(self.0)));
        response
    }
}
