//! The public documents: OpenAPI, `/docs` and `/inbox`.

mod docs;
mod document;
mod inbox;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::IntoResponse;
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use self::document::Document;
use super::types::{Rejection, Request, Response};
use crate::error::{Error, Kind};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// All documents by path. Cheap to clone.
#[derive(Clone)]
pub struct Pages(Arc<BTreeMap<String, Document>>);

impl Pages {
    /// The documents that are part of the program.
    pub fn new() -> Self {
        let mut documents = docs::documents();
        documents.extend(inbox::documents());
        Self(Arc::new(documents))
    }

    /// Responds to a request for a document; `None` if the path has none.
    pub fn respond(&self, request: &Request) -> Option<Response> {
        let path = request.uri().path();
        // Nearly every request is for something else.
        if !["/openapi", "/docs", "/inbox"].iter().any(|prefix| path.starts_with(prefix)) {
            return None;
        }
        let document = self.0.get(path)?;
        Some(match *request.method() {
            Method::GET | Method::HEAD => {
                document.respond(request.headers()).map_err(Rejection).into_response()
            }
            Method::OPTIONS => allow(StatusCode::NO_CONTENT.into_response()),
            _ => allow(Rejection(Error::new(Kind::MethodNotAllowed, "method not allowed")).into_response()),
        })
    }
}

fn allow(mut response: Response) -> Response {
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
