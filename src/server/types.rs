//! The request, response and service types that all rooms of the server share.

use std::convert::Infallible;
use std::pin::Pin;

use axum::body::Body;
use http::HeaderName;
use tower::Service;

/// A request before its protocol is known.
pub type Request = http::Request<Body>;

/// A response of any protocol.
pub type Response = http::Response<Body>;

/// A response that is on its way.
pub type BoxFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The header of the id that ties a response to its log lines.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A service that always responds.
pub trait Answering: Service<Request, Response = Response, Error = Infallible, Future = BoxFuture> {}

impl<S> Answering for S where S: Service<Request, Response = Response, Error = Infallible, Future = BoxFuture> {}
