//! The public documents: OpenAPI, its viewer at `/docs`, and the web inbox at `/inbox`.

mod document;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::IntoResponse;
use http::header::{ACCEPT, ALLOW, LOCATION, VARY};
use http::{HeaderValue, Method, StatusCode};

use self::document::Document;
use super::types::{Rejection, Request, Response};
use crate::error::{Error, Kind};
use crate::pb::openapi;

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
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
const INBOX_PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inbox/index.html"));

// Compressed by the build.
const DOCS_VIEWER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scalar.js.gz"));
const INBOX_STYLES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.css.gz"));
const INBOX_PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inbox.js.gz"));

/// Pages with links that are relative to their path: with a slash at its end, it is redirected.
pub const LINKING: [&str; 2] = ["/docs", "/inbox"];

/// What is served at `/`: a page to people, links to programs.
const INDEX: &str = "/";
const INDEX_PAGE: &str = include_str!("pages/index.html");
const LINKS: &str = include_str!("pages/links.json");

/// All documents by path, and the page at [`INDEX`]. Cheap to clone.
#[derive(Clone)]
pub struct Pages(Arc<(BTreeMap<String, Document>, Document)>);

impl Pages {
    /// The documents that are part of the program.
    pub fn new() -> Self {
        let pages = [
            (INDEX, Document::new(JSON, DOCS_POLICY, LINKS)),
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
        let pages = pages.map(|(path, document)| (path.to_owned(), document)).into_iter().chain(apis);
        Self(Arc::new((pages.collect(), Document::new(HTML, DOCS_POLICY, INDEX_PAGE))))
    }

    /// Responds to a request for a document; `None` if the path has none.
    pub fn respond(&self, request: &Request) -> Option<Response> {
        let (documents, index_page) = &*self.0;
        let path = request.uri().path();
        if let Some(page) = path.strip_suffix('/').filter(|page| LINKING.contains(page)) {
            return HeaderValue::from_str(&format!("..{page}")).ok().map(redirect);
        }
        let document = match documents.get(path)? {
            _ if path == INDEX && is_browser(request) => index_page,
            document => document,
        };
        Some(match *request.method() {
            Method::GET | Method::HEAD => {
                let mut response = document.respond(request.headers());
                if path == INDEX {
                    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT));
                }
                response
            }
            Method::OPTIONS => allow(StatusCode::NO_CONTENT.into_response()),
            _ => allow(Rejection(Error::new(Kind::MethodNotAllowed, "method not allowed")).into_response()),
        })
    }
}

/// Whether the client names HTML among the types that it accepts.
fn is_browser(request: &Request) -> bool {
    let mut accepted = request.headers().get_all(ACCEPT).into_iter().filter_map(|types| types.to_str().ok());
    accepted.any(|types| types.contains("text/html"))
}

fn redirect(location: HeaderValue) -> Response {
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    response.headers_mut().insert(LOCATION, location);
    response
}

fn allow(mut response: Response) -> Response {
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
