//! What the service serves as it is, to everyone: each document has a path, an ETag and a policy, and can only be read.

mod docs;
mod document;
mod inbox;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use tower::Service;

use self::document::Document;
use super::protocols::services::Rest;
use super::types::{BoxFuture, REQUEST_ID, Request, Response};
use crate::error::{Error, Kind};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Every document, by its path. Cheap to clone.
#[derive(Clone)]
pub struct Documents(Arc<BTreeMap<String, Document>>);

impl Documents {
    /// Everything there is: the description of the APIs, and the inbox.
    pub fn compose() -> Self {
        let mut documents = docs::compose();
        documents.extend(inbox::compose());
        Self(Arc::new(documents))
    }

    fn find(&self, path: &str) -> Option<&Document> {
        // Nearly every request is for something else.
        let may_be = ["/openapi", "/docs", "/inbox"].iter().any(|start| path.starts_with(start));
        if may_be { self.0.get(path) } else { None }
    }
}

/// The REST protocol with the documents beside it.
#[derive(Clone)]
pub struct Documented<R> {
    documents: Documents,
    rest: R,
}

impl<R> Documented<R> {
    /// Documents first, then whatever `rest` has.
    pub fn new(documents: Documents, rest: R) -> Self {
        Self { documents, rest }
    }
}

impl<R: Rest> Service<Request> for Documented<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.rest.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        let Some(document) = self.documents.find(request.uri().path()) else {
            return self.rest.call(request);
        };
        let failure = |error: Error| {
            let request_id = request.headers().get(REQUEST_ID);
            self.rest.error_response(request.uri().path(), &error, request_id)
        };
        let response = match *request.method() {
            Method::GET | Method::HEAD => document.answer(request.headers()).unwrap_or_else(failure),
            Method::OPTIONS => allowing(StatusCode::NO_CONTENT, Response::default()),
            _ => {
                let refusal = Error::new(Kind::MethodNotAllowed, "method not allowed");
                allowing(StatusCode::METHOD_NOT_ALLOWED, failure(refusal))
            }
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn allowing(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
