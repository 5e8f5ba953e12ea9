//! The public documents: OpenAPI, its viewer at `/docs`, and the web inbox at `/inbox`.

mod document;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::IntoResponse;
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

use self::document::Document;
use super::types::{Rejection, Request, Response};
use crate::error::{Error, Kind};
use crate::rest::openapi;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Only the page's own script, and calls to this service.
/// The viewer sets inline styles; they can load nothing.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const DOCS_PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/docs/index.html"));
const DOCS_PROGRAM: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/docs/docs.js"));

/// Only the page's own script and styles, and calls to this service.
/// No text can become markup: the page shows messages of strangers beside a token that reads all of them.
const INBOX_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
const INBOX_PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inbox/index.html"));

// Compressed by the build.
const DOCS_VIEWER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scalar.js.gz"));
const INBOX_STYLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.css.gz"));
const INBOX_PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.js.gz"));

/// All documents by path. Cheap to clone.
#[derive(Clone)]
pub struct Pages(Arc<BTreeMap<String, Document>>);

impl Pages {
    /// The documents that are part of the program.
    pub fn new() -> Self {
        let pages = [
            ("/openapi.json", Document::new(JSON, DOCS_POLICY, openapi::WHOLE)),
            ("/docs", Document::new(HTML, DOCS_POLICY, DOCS_PAGE)),
            ("/docs/scalar.js", Document::gzip(SCRIPT, DOCS_POLICY, DOCS_VIEWER)),
            ("/docs/docs.js", Document::new(SCRIPT, DOCS_POLICY, DOCS_PROGRAM)),
            ("/inbox", Document::new(HTML, INBOX_POLICY, INBOX_PAGE)),
            ("/inbox/inbox.css", Document::gzip(STYLE, INBOX_POLICY, INBOX_STYLES)),
            ("/inbox/inbox.js", Document::gzip(SCRIPT, INBOX_POLICY, INBOX_PROGRAM)),
        ];
        let apis = openapi::APIS.iter().map(|api| {
            (format!("/openapi/{}.json", api.name), Document::new(JSON, DOCS_POLICY, api.document))
        });
        Self(Arc::new(
            pages.map(|(path, document)| (path.to_owned(), document)).into_iter().chain(apis).collect(),
        ))
    }

    /// Responds to a request for a document; `None` if the path has none.
    pub fn respond(&self, request: &Request) -> Option<Response> {
        let document = self.0.get(request.uri().path())?;
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
