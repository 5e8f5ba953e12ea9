//! The OpenAPI documents and the API explorer at `/docs`.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::document::{Document, HTML, JSON, SCRIPT};
use crate::rest::openapi;

const PAGE: &str = include_str!("page.html");
/// Compressed by the build.
const EXPLORER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi-explorer.min.js.gz"));

/// Only the page's own script, and calls to this service.
/// The explorer sets inline styles; they can load nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/openapi.json` of everything, `/openapi/<api>.json` of each API, and `/docs`.
pub fn documents() -> BTreeMap<String, Document> {
    let mut documents = BTreeMap::new();
    documents.insert("/openapi.json".to_owned(), Document::new(JSON, POLICY, openapi::WHOLE));
    for api in openapi::APIS {
        let path = format!("/openapi/{}.json", api.name);
        documents.insert(path, Document::new(JSON, POLICY, api.document));
    }
    documents.insert("/docs".to_owned(), Document::new(HTML, POLICY, PAGE));
    documents.insert("/docs/openapi-explorer.js".to_owned(), Document::gzip(SCRIPT, POLICY, EXPLORER));
    documents
}
